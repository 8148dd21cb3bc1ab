"""A start that moves in the facts has one defined effect, however far it moves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine, create_engine, text

from backend.feed.facts import FixtureFacts
from backend.feed.status import FactStatus
from backend.markets.moves import coming_changes, follow_facts
from backend.markets.service import Opened, open_fixtures
from backend.markets.starts import MOVE_LIMIT_S
from backend.odds.goal_rates import GoalRates
from backend.odds.redis_messages import Published
from backend.odds.score_grid import ScoreGrid, score_grid
from backend.slips.refusals import MarketStarted
from backend.slips.terms import Limits, LiveOffers, Offer, check_terms
from protocol.market_id import Kind, MarketId
from protocol.outcomes import Score
from protocol.typed_data import Leg, Slip

HOUR_S, DAY_S = 3_600, 86_400
START_S = 1_790_000_000
NOW_S = START_S - 3 * DAY_S


class Evens:
    """A sport that knows every club but Newcomer."""

    def space(self, home: str, away: str, as_of_s: int) -> ScoreGrid:
        return score_grid(GoalRates(1.3, 1.3, 0.0, 0.45))

    def edition(self, as_of_s: int) -> int:
        return 0

    def unknown(self, home: str, away: str, as_of_s: int) -> list[str]:
        return [club for club in (home, away) if club == "Newcomer"]


@pytest.fixture
def engine(fresh_database: str) -> Iterator[Engine]:
    made = create_engine(fresh_database)
    yield made
    made.dispose()


def known(start_s: int = START_S, home: str = "Home") -> FixtureFacts:
    return FixtureFacts("League", "2026-27", "5", start_s, home, "Away", None)


def open_(engine: Engine, *facts: FixtureFacts, newcomers: bool = False) -> list[Opened]:
    return open_fixtures(engine, Evens(), facts, NOW_S, newcomers=newcomers)


def row(engine: Engine) -> tuple[int, int | None, str]:
    """When bets close, the new start, the status."""
    statement = text("SELECT starts_at_s, moved_to_s, status FROM backend.fixture")
    with engine.connect() as connection:
        closes_s, moved_s, status = connection.execute(statement).one()
    return closes_s, moved_s, status


@pytest.mark.parametrize(
    ("moved_s", "closes_s", "status", "effect"),
    [
        (-2 * HOUR_S, START_S - 2 * HOUR_S, "scheduled", "bets close at the new start and stand"),
        (-2 * DAY_S, START_S - 2 * DAY_S, "scheduled", "bets close at the new start and stand"),
        (150 * 60, START_S, "scheduled", "at most 72 hours later"),
        (MOVE_LIMIT_S, START_S, "scheduled", "at most 72 hours later"),
        (MOVE_LIMIT_S + 1, START_S, "postponed", "more than 72 hours later: bets are void"),
        (200 * DAY_S, START_S, "postponed", "more than 72 hours later: bets are void"),
    ],
)
def test_every_move_has_one_effect(
    engine: Engine, moved_s: int, closes_s: int, status: str, effect: str
) -> None:
    open_(engine, known())
    moved = known(START_S + moved_s)
    (coming,) = coming_changes(engine, [moved])
    assert effect in coming.effect
    assert row(engine) == (START_S, None, "scheduled"), "the operator learns of it before"
    assert follow_facts(engine, [moved]) == [coming]
    assert row(engine) == (closes_s, START_S + moved_s, status)
    assert follow_facts(engine, [moved]) == []
    assert follow_facts(engine, [known()])[0].effect == "as announced"
    assert row(engine) == (START_S, None, "scheduled")


def test_moved_fixture_is_not_opened_a_second_time(engine: Engine) -> None:
    (first,) = open_(engine, known())
    (again,) = open_(engine, known(START_S + DAY_S))
    assert (again.new, again.markets) == (0, first.markets)
    assert "72 hours" in again.moved
    assert len({fixture.name for fixture in (first.facts, again.facts)}) == 2


def test_fixture_whose_bets_are_void_is_opened_under_its_new_date(engine: Engine) -> None:
    (first,) = open_(engine, known())
    later = known(START_S + 30 * DAY_S)
    follow_facts(engine, [later])
    (second,) = open_(engine, later)
    assert (second.new, second.moved) == (len(first.markets), "")
    follow_facts(engine, [later])
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT name, status FROM backend.fixture")).all()
    assert sorted(tuple(one) for one in rows) == sorted(
        [(known().name, "postponed"), (later.name, "scheduled")]
    )


@pytest.mark.parametrize("status", [s for s in FactStatus if not s.accepts_bets])
def test_status_closes_the_fixture(engine: Engine, status: FactStatus) -> None:
    open_(engine, known())
    over = replace(known(), stated=status, score=Score(0, 0, 1, 0), minute=63)
    follow_facts(engine, [over])
    assert row(engine)[2] == status.value


def test_facts_without_the_fixture_change_nothing(engine: Engine) -> None:
    open_(engine, known())
    assert follow_facts(engine, [known(home="Other")]) == []


def test_unknown_club_is_not_priced_unless_the_operator_says_so(engine: Engine) -> None:
    newcomer = known(home="Newcomer")
    (refused,) = open_(engine, newcomer)
    assert (refused.unknown, refused.markets, refused.started) == (("Newcomer",), (), False)
    (opened,) = open_(engine, newcomer, newcomers=True)
    assert opened.new > 0


@pytest.mark.parametrize("moved_s", [0, -HOUR_S, HOUR_S])
def test_bets_close_at_the_earlier_of_the_two_starts(moved_s: int) -> None:
    market = MarketId(known().fixture_id, START_S, Kind.MATCH_RESULT)
    closes_s = min(START_S, START_S + moved_s)
    slip = Slip(1, 100, 10_001, 1, START_S + DAY_S, (Leg(known().name, market, 0),))
    limits = Limits(1, 1_000, 10_000, 8, 10 * DAY_S, 5_000)
    odds = Published((20_000, 30_000, 40_000), 1, 1)
    live = LiveOffers([Offer("scheduled", "open", odds, closes_s)], 0)
    check_terms(slip, live, limits, closes_s - 1)
    with pytest.raises(MarketStarted):
        check_terms(slip, live, limits, closes_s)
