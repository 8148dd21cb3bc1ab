"""Checks that the tests of attacks share."""

from __future__ import annotations

from protocol.placed_event import SkipReason
from tests.contracts.events import Placed
from tests.contracts.world import World
from tests.support.people import Bettor


def reasons(placed: Placed) -> list[SkipReason]:
    """Why slips were left out of a batch."""
    return [skip.reason for skip in placed.skips]


def holds(world: World, *bettors: Bettor) -> dict[str, int]:
    """The book, which can always pay what it owes and what it could come to owe, and has the tokens
    for that and for what these bettors have."""
    book = world.book()
    assert book["pool_micro"] >= book["owed_micro"] + book["locked_micro"]
    assert book["locked_micro"] >= book["accumulators_micro"]
    owned = sum(world.balance(bettor) for bettor in bettors)
    assert world.token.balanceOf(world.sportsbook) >= book["pool_micro"] + owned
    return book
