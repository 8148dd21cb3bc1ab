"""What the facts say decides what bets pay, on the real contracts: one test for each rule of
docs/rules.md, from the fact to the payout.

Every bet is 10 units at odds of 2: it is won (20), void (10) or lost (0).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from backend.feed.facts import MATCH_LENGTH_S, FixtureFacts
from backend.feed.status import FactStatus
from backend.markets.moves import follow_facts
from backend.markets.starts import MOVE_LIMIT_S
from backend.settlement.publishing import Publisher
from backend.settlement.rulings import abandonment, rule
from backend.settlement.settling import Settler
from protocol.market_id import Kind, MarketId, Period
from protocol.outcomes import Score
from tests.backend.settlement.match_day import STAKE, MatchDay
from tests.support.accepted_slips import Game
from tests.support.facts import facts
from tests.support.terms import DISPUTE_WINDOW_S

HOUR_S, DAY_S = 3_600, 86_400
WON, VOID, LOST = 2 * STAKE, STAKE, 0
RESULT = (Kind.MATCH_RESULT, Period.FULL_TIME, 0)
OVER_ONE_AND_A_HALF = (Kind.TOTAL_GOALS, Period.FULL_TIME, 6)
FIRST_HALF = (Kind.MATCH_RESULT, Period.FIRST_HALF, 0)
Asked = tuple[Kind, Period, int]


class AskedGame(Game):
    """A fixture with another market than the match result."""

    asked: Asked = RESULT

    @property
    def market(self) -> MarketId:
        kind, period, line_q = self.asked
        plain = super().market
        return MarketId(plain.fixture, plain.starts_at_s, kind, period, line_q)


def announce(day: MatchDay, asked: Asked = RESULT) -> tuple[Game, FixtureFacts]:
    """A fixture that is open for bets, and what the facts say of it before it starts."""
    known = facts("Home v Away", day.start_s + DAY_S, None)
    game = AskedGame(known.name, known.starts_at_s)
    object.__setattr__(game, "asked", asked)
    game.open(day.engine)
    with day.engine.begin() as connection:
        connection.execute(text("UPDATE backend.fixture SET source_key = :key"), {"key": known.key})
    return game, known


def paid(
    day: MatchDay,
    services: tuple[Publisher, Settler],
    game: Game,
    now_says: FixtureFacts,
    due_s: int,
    outcome: int = 0,
) -> int:
    """What a bet on the first outcome pays, once the facts say `now_says`. The result must not be
    published before `due_s`."""
    publisher, settler = services
    bettor = day.bettor()
    before = day.balance(bettor)
    day.bet(bettor, (game, outcome))
    day.place()
    assert day.balance(bettor) == before - STAKE
    follow_facts(day.engine, [now_says])
    day.travel_to(due_s - 60)
    assert publisher.publish([now_says], day.house.now_s()) == 0
    day.travel_to(due_s)
    assert publisher.publish([now_says], day.house.now_s()) == 1
    day.land()
    day.travel_to(day.house.now_s() + DISPUTE_WINDOW_S)
    assert settler.settle(day.house.now_s()) == 1
    day.land()
    day.check()
    return day.balance(bettor) - before + STAKE


@pytest.fixture
def services(publisher: Publisher, settler: Settler) -> tuple[Publisher, Settler]:
    return publisher, settler


Services = tuple[Publisher, Settler]
OVER_S = MATCH_LENGTH_S


def reported(known: FixtureFacts, status: FactStatus, **more: Any) -> FixtureFacts:
    return replace(known, stated=status, **more)


def test_score_after_90_minutes_counts(day: MatchDay, services: Services) -> None:
    game, known = announce(day)
    after = reported(known, FactStatus.PLAYED, score=Score(0, 0, 1, 0))
    assert paid(day, services, game, after, game.starts_at_s + OVER_S) == WON


@pytest.mark.parametrize(("outcome", "pays"), [(0, LOST), (1, WON)])
def test_extra_time_and_penalties_do_not_count(
    day: MatchDay, services: Services, outcome: int, pays: int
) -> None:
    game, known = announce(day)
    after = reported(
        known, FactStatus.PLAYED, score=Score(0, 0, 0, 0), extra=(1, 1), penalties=(4, 2)
    )
    assert paid(day, services, game, after, game.starts_at_s + OVER_S, outcome) == pays


@pytest.mark.parametrize("later_s", [150 * 60, DAY_S, MOVE_LIMIT_S])
def test_later_start_within_three_days_stands(
    day: MatchDay, services: Services, later_s: int
) -> None:
    game, known = announce(day)
    after = reported(
        known,
        FactStatus.PLAYED,
        score=Score(0, 0, 1, 0),
        starts_at_s=known.starts_at_s + later_s,
    )
    due_s = game.starts_at_s + later_s + OVER_S
    assert paid(day, services, game, after, due_s) == WON


@pytest.mark.parametrize("later_s", [MOVE_LIMIT_S + 60, 200 * DAY_S])
def test_start_more_than_three_days_later_is_void_at_the_announced_start(
    day: MatchDay, services: Services, later_s: int
) -> None:
    game, known = announce(day)
    after = replace(known, starts_at_s=known.starts_at_s + later_s)
    assert paid(day, services, game, after, game.starts_at_s) == VOID


def test_earlier_start_stands_when_no_bet_was_accepted_after_it(
    day: MatchDay, services: Services
) -> None:
    game, known = announce(day)
    after = reported(
        known,
        FactStatus.PLAYED,
        score=Score(0, 0, 1, 0),
        starts_at_s=known.starts_at_s - 5 * HOUR_S,
    )
    assert paid(day, services, game, after, game.starts_at_s) == WON


def test_earlier_start_is_void_when_a_bet_was_accepted_after_it(
    day: MatchDay, services: Services
) -> None:
    game, known = announce(day)
    accepted_s = day.house.now_s()
    after = reported(
        known, FactStatus.PLAYED, score=Score(0, 0, 1, 0), starts_at_s=accepted_s - HOUR_S
    )
    assert paid(day, services, game, after, game.starts_at_s) == VOID


def test_cancelled_match_is_void(day: MatchDay, services: Services) -> None:
    game, known = announce(day)
    assert (
        paid(day, services, game, reported(known, FactStatus.CANCELLED), game.starts_at_s) == VOID
    )


def test_postponed_match_without_a_new_start_is_void_after_three_days(
    day: MatchDay, services: Services
) -> None:
    game, known = announce(day)
    due_s = game.starts_at_s + MOVE_LIMIT_S
    assert paid(day, services, game, reported(known, FactStatus.POSTPONED), due_s) == VOID


def test_awarded_match_is_void(day: MatchDay, services: Services) -> None:
    game, known = announce(day)
    after = reported(known, FactStatus.AWARDED, full_time=(3, 0))
    assert paid(day, services, game, after, game.starts_at_s + OVER_S) == VOID


@pytest.mark.parametrize(
    ("asked", "minute", "score", "outcome", "pays"),
    [
        (RESULT, 63, Score(1, 0, 1, 0), 0, VOID),
        (OVER_ONE_AND_A_HALF, 63, Score(1, 0, 2, 0), 0, WON),
        (OVER_ONE_AND_A_HALF, 63, Score(1, 0, 2, 0), 1, LOST),
        (OVER_ONE_AND_A_HALF, 63, Score(1, 0, 1, 0), 0, VOID),
        (FIRST_HALF, 63, Score(1, 0, 1, 2), 0, WON),
        (FIRST_HALF, 30, Score(1, 0, 1, 0), 0, VOID),
    ],
)
def test_abandoned_match_counts_where_no_further_goal_could_change_it(
    day: MatchDay,
    services: Services,
    asked: Asked,
    minute: int,
    score: Score,
    outcome: int,
    pays: int,
) -> None:
    game, known = announce(day, asked)
    after = reported(known, FactStatus.ABANDONED, minute=minute, score=score)
    assert paid(day, services, game, after, game.starts_at_s + OVER_S, outcome) == pays


def test_match_that_began_early_and_is_abandoned_by_the_operator_counts_from_the_announced_start(
    day: MatchDay, services: Services
) -> None:
    """Bets on it are void on the chain if the result counts bets up to an earlier time."""
    game, known = announce(day, OVER_ONE_AND_A_HALF)
    live = reported(known, FactStatus.LIVE, starts_at_s=known.starts_at_s - 5 * HOUR_S)
    made_s = live.starts_at_s + HOUR_S
    ruling = abandonment(60, Score(0, 0, 2, 0), live.starts_at_s, made_s, "floodlights")
    rule(day.engine, game.market.fixture, ruling)
    assert paid(day, services, game, live, game.starts_at_s) == WON


@pytest.mark.parametrize(
    ("status", "more"),
    [
        (FactStatus.SCHEDULED, {}),
        (FactStatus.LIVE, {}),
        (FactStatus.PLAYED, {"full_time": (1, 0)}),
    ],
)
def test_without_a_known_result_nothing_is_published(
    day: MatchDay, publisher: Publisher, status: FactStatus, more: dict[str, Any]
) -> None:
    game, known = announce(day)
    day.travel_to(game.starts_at_s + OVER_S)
    assert publisher.publish([reported(known, status, **more)], day.house.now_s()) == 0
    assert publisher.publish([], day.house.now_s()) == 0
