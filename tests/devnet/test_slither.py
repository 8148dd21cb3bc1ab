"""Comparing what slither finds with what docs/slither.md explains."""

from __future__ import annotations

from collections import Counter

import pytest

from scripts.slither import (
    TRIAGE,
    SlitherError,
    compare,
    explained,
    findings_of,
    place_of,
)

PAGE = """
## `timestamp`

| place | why it is no problem |
|---|---|
| `House.open`, `House.close` x2 | Because. |
"""
KNOWN = Counter({("timestamp", "House.open"): 1, ("timestamp", "House.close"): 2})


@pytest.mark.parametrize(
    ("description", "place"),
    [
        ("House.open(Desk,uint256[]) (contracts/House.sol#1-2) uses assembly\n\t- x", "House.open"),
        (
            "House.constructor(address,(uint8,uint8)).key (contracts/H.sol#5) lacks",
            "House.constructor.key",
        ),
        ("Reentrancy in House.close() (contracts/House.sol#3):\n\tExternal calls:", "House.close"),
        ("Event IHouse.Opened(address[]) (contracts/House.sol#4) has", "IHouse.Opened"),
    ],
)
def test_place_is_named_without_parameters_and_lines(description: str, place: str) -> None:
    assert place_of(description) == place


def test_finding_without_a_place_is_refused() -> None:
    with pytest.raises(SlitherError, match="no place"):
        place_of("something somewhere")


def test_page_is_read() -> None:
    assert explained(PAGE) == KNOWN


def test_same_findings_make_no_difference() -> None:
    assert compare(KNOWN, KNOWN) == []


def test_new_finding_at_a_known_place_is_a_difference() -> None:
    assert compare(KNOWN + Counter({("timestamp", "House.open"): 1}), KNOWN) == [
        "not explained: timestamp at House.open (1)"
    ]
    assert compare(KNOWN + Counter({("assembly", "House.open"): 1}), KNOWN) == [
        "not explained: assembly at House.open (1)"
    ]


def test_explanation_of_nothing_is_a_difference() -> None:
    assert compare(Counter(), Counter({("timestamp", "House.open"): 1})) == [
        "gone: timestamp at House.open (1)"
    ]


def test_report_of_a_failure_is_no_clean_report() -> None:
    with pytest.raises(SlitherError, match="no compiler"):
        findings_of({"success": False, "error": "no compiler", "results": {}})


def test_report_is_counted() -> None:
    item = {"check": "timestamp", "description": "House.close() (contracts/House.sol#3) uses"}
    assert findings_of({"success": True, "results": {"detectors": [item, item]}}) == Counter(
        {("timestamp", "House.close"): 2}
    )


def test_committed_page_explains_something() -> None:
    assert explained(TRIAGE.read_text()).total() > 100
