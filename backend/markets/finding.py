"""Finds fixtures by what people type: the start of an id, or words of a name; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

# Shorter ones without "0x" may be words.
_PREFIX = re.compile(r"0x([0-9a-f]{1,64})|([0-9a-f]{6,64})")


class Named(NamedTuple):
    """A fixture or a market that can be meant: its id, and the fixture's name."""

    id: bytes
    name: str


def matching(typed: str, among: Sequence[Named]) -> list[Named]:
    """Those whose id begins with `typed`, a number in hex; else the one with this name, else those
    whose names have each of its words."""
    asked = " ".join(typed.lower().split())
    by_id = with_prefix(asked, among)
    if by_id or not asked:
        return by_id
    exact = [one for one in among if one.name.lower() == asked]
    words = asked.split()
    return exact or [one for one in among if all(word in one.name.lower() for word in words)]


def with_prefix(typed: str, among: Sequence[Named]) -> list[Named]:
    """Those whose id begins with `typed`; none when it is not a number in hex."""
    found = _PREFIX.fullmatch(typed.lower())
    if found is None:
        return []
    prefix = found[1] or found[2]
    return [one for one in among if one.id.hex().startswith(prefix)]


def listed(found: Sequence[Named], shown: int = 5) -> str:
    """What was found, to choose from, each with its id."""
    parts = [f"0x{one.id.hex()} {one.name}" for one in found[:shown]]
    more = [f"and {len(found) - shown} more"] if len(found) > shown else []
    return "; ".join(parts + more)
