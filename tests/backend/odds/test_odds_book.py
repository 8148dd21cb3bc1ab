"""Tests that the book prices open fixtures once, and moves by bets from SQL and from messages."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from backend.odds.book import OddsBook, OpenFixture
from backend.odds.goal_rates import GoalRates
from backend.odds.margin import MarginMethod
from backend.odds.pricing import Margin
from backend.odds.redis_messages import AcceptedLeg, AcceptedSlip, read_slips, slips_json
from backend.odds.score_grid import ScoreGrid, score_grid
from protocol.market_id import Kind, MarketId

NOW_S = 1_748_131_200
STARTS_AT_S = NOW_S + 54_000
DAY_S = 86_400


@dataclass
class Evens:
    """A sport in which both sides are equal; it records when it is asked."""

    asked: list[int] = field(default_factory=list)
    learnt: int = 0

    def space(self, home: str, away: str, as_of_s: int) -> ScoreGrid:
        self.asked.append(as_of_s)
        return score_grid(GoalRates(1.3, 1.3, 0.0, 0.45))

    def edition(self, as_of_s: int) -> int:
        return as_of_s // DAY_S + self.learnt

    def unknown(self, home: str, away: str, as_of_s: int) -> list[str]:
        return []


def market(number: int, kind: Kind = Kind.MATCH_RESULT, in_play: bool = False) -> bytes:
    return MarketId(bytes([number]) * 16, STARTS_AT_S, kind, in_play=in_play).pack()


def opened(number: int, *markets: bytes) -> OpenFixture:
    return OpenFixture(bytes([number]) * 16, "A", "B", STARTS_AT_S, frozenset(markets))


def book(sport: Evens | None = None) -> OddsBook:
    return OddsBook(sport or Evens(), Margin(0.05, MarginMethod.POWER), 10**10)


def slip(name: str, *markets: bytes, stake_micro: int = 10**9) -> AcceptedSlip:
    return AcceptedSlip(name, stake_micro, tuple(AcceptedLeg(m, 0, 25_000) for m in markets))


def test_sport_is_asked_once_per_day() -> None:
    sport = Evens()
    subject = book(sport)
    for now_s in (NOW_S - 3_600, NOW_S, NOW_S + 3_600, NOW_S + 7_200):
        subject.open([opened(1, market(1))], now_s)
    assert sport.asked == [NOW_S - 3_600, NOW_S]


def test_started_fixture_and_in_play_market_have_no_odds() -> None:
    subject = book()
    subject.open([opened(1, market(1), market(1, in_play=True))], STARTS_AT_S - 1)
    assert set(subject.odds()[bytes([1]) * 16]) == {market(1)}
    subject.open([opened(1, market(1))], STARTS_AT_S)
    assert not subject.odds()


def test_accumulator_moves_each_of_its_fixtures() -> None:
    subject, other = book(), book()
    for one in (subject, other):
        one.open([opened(1, market(1)), opened(2, market(2)), opened(3, market(3))], NOW_S)
    subject.add(slip("a", market(1), market(2)))
    before, now = other.odds(), subject.odds()
    for number, moves in ((1, True), (2, True), (3, False)):
        key = bytes([number]) * 16
        assert (now[key][market(number)][0] < before[key][market(number)][0]) == moves


def test_slips_from_sql_and_from_messages_give_the_same_odds() -> None:
    heard, read, late = book(), book(), book()
    fixtures = [opened(1, market(1), market(1, Kind.BOTH_TEAMS_TO_SCORE))]
    slips = [slip("a", market(1)), slip("b", market(1, Kind.BOTH_TEAMS_TO_SCORE))]
    for one in (heard, read):
        one.open(fixtures, NOW_S)
    for accepted in (*slips, slips[0]):
        heard.add(accepted)
    read.replace_slips(slips)
    late.replace_slips(slips)
    late.open(fixtures, NOW_S)
    assert heard.odds() == read.odds() == late.odds()


def test_removed_slip_no_longer_moves_odds() -> None:
    subject = book()
    subject.open([opened(1, market(1))], NOW_S)
    before = dict(subject.odds()[bytes([1]) * 16])
    subject.add(slip("a", market(1)))
    assert subject.odds()[bytes([1]) * 16] != before
    subject.replace_slips([])
    assert subject.odds()[bytes([1]) * 16] == before


def test_message_of_an_accepted_slip_is_read_as_it_was_written() -> None:
    accepted = slip("a", market(1), stake_micro=1_000)
    assert read_slips(slips_json([accepted, accepted])) == [accepted, accepted]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"outcome":0', b'"outcome":3'),
        (b"[25000]", b"[]"),
        (b":1000", b':"many"'),
        (b'"0x01', b'"0x'),
        (b'"legs"', b'"leg"'),
        (b"{", b"["),
    ],
)
def test_malformed_message_is_noticed(old: bytes, new: bytes) -> None:
    good = slips_json([slip("a", market(1), stake_micro=1_000)])
    assert old in good
    with pytest.raises((KeyError, TypeError, ValueError)):
        read_slips(good.replace(old, new, 1))
