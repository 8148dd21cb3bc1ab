"""Checks whether the house can cover a slip: capacity of the bankroll, caps of the contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from backend.slips.refusals import CapExceeded, ExposureExceeded, MarketClosed
from backend.slips.terms import Terms
from protocol.typed_data import Slip


@dataclass(frozen=True, slots=True)
class BankrollCapacity:
    """The part of the bankroll that neither open bets nor pending slips can claim, and whether the
    contract has paused placing."""

    available_micro: int
    paused: bool


@dataclass(frozen=True, slots=True)
class CapUse:
    """The contract's caps on what may be locked for a market and for a fixture, and what open bets
    and pending slips lock or could lock on a fixture, by market id; micro-units."""

    market_cap_micro: int
    fixture_cap_micro: int
    locked_micro: Mapping[bytes, int]


def check_capacity(slip: Slip, terms: Terms, capacity: BankrollCapacity) -> None:
    """Raises MarketClosed while placing is paused, and ExposureExceeded when the bankroll cannot
    cover the slip."""
    if capacity.paused:
        raise MarketClosed("The contract has paused placing, so no bets are accepted now.")
    risk_micro = terms.payout_max_micro - slip.stake_micro
    if risk_micro > capacity.available_micro:
        raise ExposureExceeded(
            "The bankroll could not pay this bet in the worst case; reduce the stake.",
            needed_micro=str(risk_micro),
            available_micro=str(max(0, capacity.available_micro)),
        )


def check_caps(slip: Slip, terms: Terms, use: CapUse) -> None:
    """Raises CapExceeded when the contract could leave the slip out because of its caps. Pending
    slips count in full, without netting, since the order in which they are placed is unknown."""
    risk_micro = terms.payout_max_micro - slip.stake_micro
    if len(slip.legs) > 1:
        available = {"accumulator": use.market_cap_micro}
    else:
        market = slip.legs[0].market.pack()
        available = {
            "market": use.market_cap_micro - use.locked_micro.get(market, 0),
            "fixture": use.fixture_cap_micro - sum(use.locked_micro.values()),
        }
    scope, available_micro = min(available.items(), key=lambda entry: entry[1])
    if risk_micro > available_micro:
        raise CapExceeded(
            f"The remaining cap for this {scope} is {max(0, available_micro)} micro-units, and"
            f" the slip needs {risk_micro}; reduce the stake.",
            needed_micro=str(risk_micro),
            available_micro=str(max(0, available_micro)),
        )
