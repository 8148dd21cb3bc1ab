"""What the bets of a decided market are owed is what settling them pays; no database.

Branches: every kind that shares one fate, by every result · void without a result, by a late one,
by one that counts bets to before the start · rounded up where bets are half won · markets that
cannot have been decided.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import Contradiction
from indexer.mirror.decided_market import DecidingResult, owed_micro
from protocol.exposure import Exposure, is_gross
from protocol.limits import ODDS_ONE_E4, VOID_AFTER_S
from protocol.market_id import TOTAL_KINDS, WIDE_KINDS, Kind, MarketId, Period
from protocol.outcomes import ResultStatus, Score
from protocol.payout import HALF_LOSS, HALF_WIN
from tests.support.leg_fraction import PublishedResult, leg_fraction, payout_down
from tests.support.terms import VOID_AFTER_S as CONTRACT_VOID_AFTER_S

START_S = 1_748_185_200
NOW_S = START_S + 2 * VOID_AFTER_S
LINED = {Kind.ASIAN_HANDICAP, *TOTAL_KINDS}
KINDS = [kind for kind in Kind if kind not in WIDE_KINDS and kind is not Kind.PROPOSITION]


@st.composite
def markets(draw: st.DrawFn) -> MarketId:
    kind = draw(st.sampled_from(KINDS))
    line_q = 0
    if kind in LINED:
        line_q = draw(st.integers(1 if kind in TOTAL_KINDS else -8, 12))
    elif kind is Kind.EUROPEAN_HANDICAP:
        line_q = 4 * draw(st.integers(-2, 2))
    return MarketId(bytes(16), START_S, kind, draw(st.sampled_from(Period)), line_q)


@st.composite
def results(draw: st.DrawFn) -> PublishedResult:
    first, second = (draw(st.tuples(*(st.integers(0, 3),) * 2)) for _ in range(2))
    score = Score(*first, first[0] + second[0], first[1] + second[1])
    published_s = draw(
        st.sampled_from((START_S + 1, START_S + VOID_AFTER_S, START_S + VOID_AFTER_S + 1))
    )
    settled_s = draw(st.sampled_from((START_S - 1, START_S)))
    status = draw(st.sampled_from(ResultStatus))
    return PublishedResult(status, score, settled_s, published_s, published_s + 1)


bets = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 10**9), st.integers(10_001, 90_000)), max_size=6
)


@given(markets(), results() | st.none(), bets)
def test_market_owes_what_its_bets_are_paid(
    market: MarketId, result: PublishedResult | None, placed: list[tuple[int, int, int]]
) -> None:
    count = len(market.outcomes)
    payouts = [0, 0, 0]
    paid = halves = 0
    for choice, stake, odds in placed:
        outcome = choice % count
        payouts[outcome] += stake * odds // ODDS_ONE_E4
        earned = leg_fraction(market, outcome, 0, result, NOW_S, VOID_AFTER_S)
        assert earned is not None
        paid += payout_down(stake, [(odds, earned)])
        halves += earned in (HALF_WIN, HALF_LOSS)
    exposure = Exposure._make((*payouts, sum(stake for _, stake, _ in placed)))
    decided = None
    if result is not None:
        times = (result.settled_at_s, result.published_at_s)
        decided = DecidingResult(result.status, result.score, *times)
    owed = owed_micro(market.pack(), exposure, decided)
    # A bet that is half won or half lost is rounded down by itself, and their sum up.
    assert paid <= owed <= paid + halves
    assert not is_gross(market.pack())


def test_half_won_bets_are_owed_rounded_up() -> None:
    behind = MarketId(bytes(16), START_S, Kind.ASIAN_HANDICAP, line_q=-3).pack()
    result = DecidingResult(ResultStatus.PLAYED, Score(0, 0, 1, 0), START_S, START_S)
    assert owed_micro(behind, Exposure(20, 0, 0, 9), result) == 15
    assert owed_micro(behind, Exposure(20, 99, 0, 10), result) == 15
    lost = MarketId(bytes(16), START_S, Kind.ASIAN_HANDICAP, line_q=-5).pack()
    assert owed_micro(lost, Exposure(99, 20, 0, 9), result) == 15
    assert owed_micro(lost, Exposure(), result) == 0


def test_rule_of_void_is_that_of_the_contract() -> None:
    assert VOID_AFTER_S == CONTRACT_VOID_AFTER_S
    market = MarketId(bytes(16), START_S, Kind.MATCH_RESULT).pack()
    assert owed_micro(market, Exposure(20, 5, 0, 9), None) == 9


@pytest.mark.parametrize(
    "market",
    [
        MarketId(bytes(16), START_S, Kind.MATCH_RESULT).pack()[:21] + bytes((200, *bytes(10))),
        MarketId(bytes(16), START_S, Kind.MATCH_RESULT).pack()[:22] + bytes((9, *bytes(9))),
    ],
    ids=["unknown kind", "unknown period"],
)
def test_market_that_does_not_exist_is_a_contradiction(market: bytes) -> None:
    with pytest.raises(Contradiction, match="cannot be decided"):
        owed_micro(market, Exposure(20, 5, 0, 9), None)
