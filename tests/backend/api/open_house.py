"""Writes the rows of a house that takes bets: deployment, blocks, book, two fixtures, odds."""

from __future__ import annotations

from tests.backend.api.bettors import ALPHA, CHAIN_ID, GAMMA, HASH, NOW_S, SPORTSBOOK, UNIT
from tests.backend.api.world import World


def open_house(world: World) -> None:
    """Enter the rows into empty tables, and the odds into Redis."""
    world.insert(
        "mirror.deployment",
        id=1,
        chain_id=CHAIN_ID,
        sportsbook=SPORTSBOOK,
        results=SPORTSBOOK,
        bankroll=SPORTSBOOK,
        token=SPORTSBOOK,
        first_block=0,
        head_block=20,
        head_hash=HASH,
        head_timestamp_s=NOW_S,
        confirmed_block=None,
        final_block=12,
    )
    # Blocks up to 500, one every 12 seconds, of which block 20 is the head's time.
    world.execute(
        "INSERT INTO mirror.block SELECT 1, n, %s, %s, %s + 12 * (n - 20)"
        " FROM generate_series(0, 500) AS n",
        *(HASH, HASH, NOW_S),
    )
    world.insert(
        "mirror.book",
        deployment=1,
        pool_micro=1_000_000 * UNIT,
        owed_micro=0,
        locked_micro=0,
        accumulators_micro=0,
        batch_count=0,
        paused=False,
    )
    world.report()
    world.confirm(18)
    world.open_game(ALPHA)
    world.open_game(GAMMA)
    world.beat()
