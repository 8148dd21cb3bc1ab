"""Finds fixtures by what people type: the start of an id, or words of a name; pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

# Shorter ones without "0x" may be words.
_PREFIX = re.compile(r"0x([0-9a-f]{1,64})|([0-9a-f]{6,64})")

T = TypeVar("T")


def matching(
    typed: str, among: Sequence[T], id_of: Callable[[T], bytes], name_of: Callable[[T], str]
) -> list[T]:
    """Those whose id begins with `typed`, a number in hex; else the one with this name, else those
    whose names have each of its words."""
    asked = " ".join(typed.lower().split())
    by_id = with_prefix(asked, among, id_of)
    if by_id or not asked:
        return by_id
    exact = [one for one in among if name_of(one).lower() == asked]
    words = asked.split()
    return exact or [one for one in among if all(word in name_of(one).lower() for word in words)]


def with_prefix(typed: str, among: Sequence[T], id_of: Callable[[T], bytes]) -> list[T]:
    """Those whose id begins with `typed`; none when it is not a number in hex."""
    found = _PREFIX.fullmatch(typed.lower())
    if found is None:
        return []
    prefix = found[1] or found[2]
    return [one for one in among if id_of(one).hex().startswith(prefix)]


def candidates(found: Sequence[tuple[bytes, str]], shown: int = 5) -> str:
    """Fixtures to choose from, each with its id."""
    listed = [f"0x{fixture.hex()} {name}" for fixture, name in found[:shown]]
    more = [f"and {len(found) - shown} more"] if len(found) > shown else []
    return "; ".join(listed + more)
