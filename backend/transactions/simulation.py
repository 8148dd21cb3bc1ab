"""Owns finding out, before a transaction is written down, what of it the contract would refuse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from backend.transactions.errors import CallReverted

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Passing(Generic[T]):
    """Items that fit one transaction together, and the gas to allow it."""

    items: tuple[T, ...]
    gas: int


@dataclass(frozen=True, slots=True)
class Refused(Generic[T]):
    """An item that reverts even alone, and why."""

    item: T
    error: CallReverted


def sift(
    items: Sequence[T],
    simulate: Callable[[Sequence[T]], int],
    wholesale: frozenset[str],
) -> tuple[list[Passing[T]], list[Refused[T]]]:
    """Split items into transactions that pass, in their order, and items that never do.

    `simulate` gives the gas with which some items pass, or raises CallReverted. An error named in
    `wholesale` is about the call and not about an item: it is raised as it is.
    """
    passing, refused = _halve(items, simulate, wholesale)
    if refused and len(passing) > 1:
        rest = [item for chunk in passing for item in chunk.items]
        passing, more = _halve(rest, simulate, wholesale)
        refused += more
    return passing, refused


def _halve(
    items: Sequence[T], simulate: Callable[[Sequence[T]], int], wholesale: frozenset[str]
) -> tuple[list[Passing[T]], list[Refused[T]]]:
    if not items:
        return [], []
    try:
        return [Passing(tuple(items), simulate(items))], []
    except CallReverted as error:
        if error.error in wholesale:
            raise
        if len(items) == 1:
            return [], [Refused(items[0], error)]
    middle = len(items) // 2
    left, left_refused = _halve(items[:middle], simulate, wholesale)
    right, right_refused = _halve(items[middle:], simulate, wholesale)
    return left + right, left_refused + right_refused
