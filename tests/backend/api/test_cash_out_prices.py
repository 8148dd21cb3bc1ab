"""The price of a cash-out, and what the house locks more without the bet: pure.

Branches: a price at the bids, rounded down, never above what the bet pays · legs that have won,
lost, are void · bets that cover each other.
"""

from __future__ import annotations

from backend.cash_outs.pricing import LegValue, SinglePart, locked_change, price_down
from protocol.exposure import Exposure
from tests.support.accepted_slips import Game


def test_price_is_exact_rounded_down_and_never_above_the_payout() -> None:
    assert price_down(10, [LegValue(20_000, 450_000, 0, 1_000_000)]) == 9
    assert price_down(11, [LegValue(20_000, 450_000, 0, 1_000_000)]) == 9
    # A quarter line: 0.4 to win, 0.1 to get the stake back.
    assert price_down(1_000, [LegValue(19_000, 400_000, 100_000, 1_000_000)]) == 860
    won, lost, void = (
        LegValue(20_000, 2, 0, 2),
        LegValue(20_000, 0, 0, 2),
        LegValue(20_000, 0, 2, 2),
    )
    assert price_down(100, [won, void]) == 200
    assert price_down(100, [won, lost]) == 0
    assert price_down(100, [LegValue(20_000, 2_000_000, 0, 1_000_000)]) == 200


def test_what_a_bet_covered_is_counted() -> None:
    """Two bets on opposite outcomes: without the second, the house locks the first's whole risk."""
    market = Game("Home v Away, 2030-01-01", 4_000_000_000).market.pack()
    both = Exposure(200, 0, 200, 200)
    part = SinglePart(market, 2, 100, 100, 20_000)
    assert locked_change(part, Exposure(200, 0, 200, 200)) == 100
    assert locked_change(SinglePart(market, 2, 100, 50, 20_000), both) == 50
    assert locked_change(part, Exposure(0, 0, 200, 100)) == -100
