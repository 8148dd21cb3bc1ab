"""Numbers that contracts and Python share stand for the same names."""

from __future__ import annotations

import re
from enum import IntEnum

import pytest

from protocol.placed_event import SkipReason
from protocol.roles import Role
from scripts.devnet.paths import ROOT

INTERFACE = ROOT / "contracts" / "interfaces" / "ISportsbook.sol"


def members(name: str) -> list[str]:
    """The members of an enum of the interface, in their order, as Python would write them."""
    found = re.search(rf"enum {name} \{{(.*?)\}}", INTERFACE.read_text(), re.DOTALL)
    assert found, f"{INTERFACE.name} has no enum {name}: does this test still read it right?"
    words = re.sub(r"//.*", "", found[1]).replace(",", " ").split()
    return [re.sub(r"(?<!^)(?=[A-Z])", "_", word).upper() for word in words]


@pytest.mark.parametrize(("name", "numbers"), [("Skip", SkipReason), ("Role", Role)])
def test_enum_is_that_of_the_contracts(name: str, numbers: type[IntEnum]) -> None:
    declared = dict(enumerate(members(name)))
    # Nothing is left out for no reason.
    known = {number.value: number.name for number in numbers}
    assert known == {at: word for at, word in declared.items() if at in known}
    assert set(declared) - set(known) <= {0}
