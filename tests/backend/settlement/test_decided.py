"""SQL decides a bet exactly when `leg_fraction` does, which the contract is tested against."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from backend.deployment import Deployment
from backend.mirror.deployment import read_mirror
from backend.settlement.repository import decided_bets
from protocol.outcomes import ResultStatus, Score
from tests.support.accepted_slips import Game
from tests.support.leg_fraction import PublishedResult, leg_fraction

ONE_NIL = Score(0, 0, 1, 0)
RESULTS = [
    None,
    PublishedResult(ResultStatus.PLAYED, ONE_NIL, 100, published_at_s=500, final_at_s=560),
    PublishedResult(ResultStatus.VOID, ONE_NIL, 100, published_at_s=500, final_at_s=560),
    PublishedResult(ResultStatus.PLAYED, ONE_NIL, 100, published_at_s=2_000, final_at_s=2_060),
]


@pytest.mark.parametrize("result", RESULTS)
@pytest.mark.parametrize("now_s", [559, 560, 1_100, 1_101, 2_059, 2_060])
def test_sql_decides_when_leg_fraction_does(
    engine: Engine, result: PublishedResult | None, now_s: int
) -> None:
    """A start at 100 and VOID_AFTER of 1000: void from 1100 on."""
    game = Game("H v A, 1970-01-01", 100)
    with engine.begin() as connection:
        connection.execute(
            text("""INSERT INTO mirror.deployment (id, chain_id, sportsbook, results, bankroll,
                 token, first_block, head_block, head_hash, head_timestamp_s)
                 VALUES (1, 1, '0xa', '0xb', '0xc', '0xd', 0, 9, '', :now)"""),
            {"now": now_s},
        )
        connection.execute(text("INSERT INTO mirror.bet VALUES (1, 7, 3, 9, 1, 1, 5, 50, 1, 10)"))
        connection.execute(
            text("INSERT INTO mirror.leg VALUES (1, 7, 3, 0, 9, :market, :fixture, 0, 20000)"),
            {"market": game.market.pack(), "fixture": game.market.fixture},
        )
        if result is not None:
            connection.execute(
                text("""INSERT INTO mirror.result VALUES (1, :fixture, 9, 0, 1, 0, 0, 1, 0, 100,
                     :published, :final, false, false)"""),
                {
                    "fixture": game.market.fixture,
                    "published": result.published_at_s,
                    "final": result.final_at_s,
                },
            )
    mirror = read_mirror(engine, Deployment(1, "0xA", "0xB"))
    rule = leg_fraction(game.market, 0, 50, result, now_s, 1_000)
    decided = decided_bets(engine, mirror, now_s, 1_000, 10)
    assert decided == ({} if rule is None else {7: [3]})
