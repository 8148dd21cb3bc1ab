"""Reads what a client of the stream wants to follow, and from where on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

from fastapi import Query

from backend import examples
from backend.problems import BodyMalformed
from backend.stream.broadcast import Topic

MOST_FIXTURES = 64
FIXTURES, RESUME = "fixture", "resume"

FIXTURE_PATTERN = r"^0x[0-9a-f]{32}$"
RESUME_PATTERN = r"^([0-9a-f]{8})\.([0-9]{1,15})$"
_FIXTURE = re.compile(FIXTURE_PATTERN, re.ASCII)
_RESUME = re.compile(RESUME_PATTERN, re.ASCII)

Fixtures = Annotated[
    list[str] | None,
    Query(
        alias=FIXTURES,
        description=f"Follow the markets of these fixtures only, at most {MOST_FIXTURES}; all"
        " without it.",
        examples=[[examples.FIXTURE]],
    ),
]
Resume = Annotated[
    str | None,
    Query(
        alias=RESUME,
        description="`epoch`.`seq` of the last message read: what came after it is sent, or a"
        " snapshot.",
        examples=[f"{examples.EPOCH}.41"],
    ),
]


def fixtures_of(given: Sequence[str]) -> Topic:
    """The topic of these fixtures; of all odds without any. Raises BodyMalformed."""
    if len(given) > MOST_FIXTURES:
        raise BodyMalformed(
            f"Follow at most {MOST_FIXTURES} fixtures, or all without `fixture`.", field=FIXTURES
        )
    for fixture in given:
        if not _FIXTURE.fullmatch(fixture):
            raise BodyMalformed(
                "A fixture is its id: 0x and 32 lower-case hexadecimal digits.", field=FIXTURES
            )
    return frozenset(given)


def resumed_of(given: str | None) -> tuple[str, int] | None:
    """The epoch and number of the last message that a client has read. Raises BodyMalformed."""
    if given is None:
        return None
    found = _RESUME.fullmatch(given)
    if found is None:
        raise BodyMalformed(
            "Resume by the epoch and seq of the last message, such as 1f0c2b3a.41.", field=RESUME
        )
    return found[1], int(found[2])
