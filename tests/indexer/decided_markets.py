"""Settles the bets of decided markets in every order, and leaves some open.

A market whose bets share one fate is marked when the first of them is settled: then its open bets
are owed exactly what they pay. Markets that are locked gross are not marked.
"""

from __future__ import annotations

from protocol.market_id import Kind, fixture_id
from protocol.outcomes import ResultStatus
from protocol.typed_data import Result
from tests.support.house import House, Wanted
from tests.support.people import Bettor
from tests.support.slips import Pick, make_market
from tests.support.terms import UNIT, VOID_AFTER_S

PLAYED, ABANDONED, ASKED, NEVER = (
    f"{name}, 2025-06-02" for name in ("Up v Down", "In v Out", "To v Fro", "Black v White")
)
# By fixture: kind, line, whether in play, and the outcomes that are bet on, one bet for each. At
# 2:1, the home side is ahead by 1, and there are 3 goals.
_MARKETS: tuple[tuple[str, Kind, int, bool, tuple[int, ...]], ...] = (
    (PLAYED, Kind.MATCH_RESULT, 0, False, (0, 1, 2, 0)),
    (PLAYED, Kind.DOUBLE_CHANCE, 0, False, (0, 1, 2, 2)),
    (PLAYED, Kind.ASIAN_HANDICAP, -3, False, (0, 1, 0, 1)),  # half won, half lost
    (PLAYED, Kind.ASIAN_HANDICAP, -5, False, (0, 1, 0, 1)),  # half lost, half won
    (PLAYED, Kind.ASIAN_HANDICAP, -4, False, (0, 1, 1)),  # void
    (PLAYED, Kind.TOTAL_GOALS, 10, False, (1, 0, 1)),
    (PLAYED, Kind.CORRECT_SCORE, 12, False, (9, 0, 9)),
    (PLAYED, Kind.MATCH_RESULT, 0, True, (0, 2, 0)),
    (ABANDONED, Kind.BOTH_TEAMS_TO_SCORE, 0, False, (0, 1, 0)),  # decided
    (ABANDONED, Kind.MATCH_RESULT, 0, False, (0, 1, 2)),  # void
    (ASKED, Kind.PROPOSITION, 0, False, (0, 1, 0)),
    (NEVER, Kind.MATCH_RESULT, 0, False, (0, 1, 2)),  # void, without a result
)


def settle_in_every_order(house: House) -> None:
    """Place the bets, some of a market in a second batch, decide them, and settle one market after
    the other. Half-way through, a bet of each is open."""
    bettor, start_s = house.open_account(), house.now_s() + 600
    picks = [
        Pick(market, outcome, 17_777 + 1_111 * number, name)
        for name, kind, line_q, in_play, outcomes in _MARKETS
        for market in (make_market(kind, line_q, starts_at_s=start_s, in_play=in_play, name=name),)
        for number, outcome in enumerate(outcomes)
    ]
    firsts = _place(house, bettor, picks)
    again = _place(house, bettor, picks[::3])
    house.travel(700)
    played, abandoned, asked = PLAYED, ABANDONED, ASKED
    house.publish(
        Result(fixture_id(played), ResultStatus.PLAYED, 1, 0, 2, 1, start_s),
        Result(fixture_id(abandoned), ResultStatus.ABANDONED, 1, 0, 1, 1, start_s),
        Result(fixture_id(asked), ResultStatus.FRACTION, 1, 1, 3, 0, start_s),
    )
    house.pass_dispute_window()
    house.travel(VOID_AFTER_S)
    # The first bet of the second batch marks markets of which the first batch has open bets; then
    # bets of both batches together, each with a list of its own; then runs that overlap.
    house.settle((again, 0, 1))
    house.settle((again, 1, 2), (firsts, 1, 2))
    for first in range(4, len(picks) - 1, 4):
        house.settle((firsts, first, 3))
    house.settle((firsts, 0, 2), (again, 2, 4), (firsts, 20, 9))
    house.settle((again, 8, 3))


def _place(house: House, bettor: Bettor, picks: list[Pick]) -> int:
    return house.place(
        *(Wanted(bettor, (pick,), UNIT + 3 * number) for number, pick in enumerate(picks))
    )
