"""Checks whether the house can cover a slip: money of the bankroll, budget of the key that signs
receipts, and caps of the contract.

A receipt is a commitment only if it can be enforced. So all that are outstanding, with the new
one, must fit what is left of the key's budget, and what the contract keeps free for receipts
whatever the operator does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from backend.chain_view import HouseLimits
from backend.formatting import tokens
from backend.house_keys import KeyState
from backend.slips.refusals import (
    CapExceeded,
    ExposureExceeded,
    MarketClosed,
    ReceiptBudgetExceeded,
    ReceiptTooLarge,
)
from backend.slips.terms import Terms
from protocol.limits import BUDGET_PERIOD_S
from protocol.typed_data import Slip

# One account can have a quarter of what quotes may take together.
_ACCOUNTS_IN_QUOTE_BUDGET = 4


def quotes_of_account(quote_budget_micro: int) -> int:
    """What the quotes of one account may pay above their stakes."""
    return quote_budget_micro // _ACCOUNTS_IN_QUOTE_BUDGET


def kept_for_slips(quote_budget_micro: int, key_budget_micro: int) -> int:
    """What quoted bets must leave of the receipt key's budget: what slips set aside for quotes, and
    half of the rest. Bets that are quoted take of the budget for good, those that a batch places do
    not: so whoever uses quotes cannot keep the slips of others from being accepted."""
    return quote_budget_micro + max(0, key_budget_micro - quote_budget_micro) // 2


@dataclass(frozen=True, slots=True)
class Capacity:
    """The part of the bankroll that neither open bets nor pending slips can claim, and whether the
    contract has paused placing. `outstanding_micro` and `outstanding_budget_micro` are what
    receipts could still take of the house's free money and of their key's budget, since the block
    at which that is known; `accumulators_micro` is what accumulators lock or could lock."""

    available_micro: int
    outstanding_micro: int
    outstanding_budget_micro: int
    accumulators_micro: int
    paused: bool

    def less(self, risk_micro: int, budget_micro: int, is_accumulator: bool) -> Capacity:
        """What is left of it beside one more slip."""
        return Capacity(
            available_micro=self.available_micro - risk_micro,
            outstanding_micro=self.outstanding_micro + risk_micro,
            outstanding_budget_micro=self.outstanding_budget_micro + budget_micro,
            accumulators_micro=self.accumulators_micro + (risk_micro if is_accumulator else 0),
            paused=self.paused,
        )

    def beside_quotes(self, quotes_micro: int) -> Capacity:
        """What is left of it beside quotes that could lock so much. They leave free what receipts
        need, but take of the same key's budget."""
        return Capacity(
            available_micro=self.available_micro - quotes_micro,
            outstanding_micro=self.outstanding_micro,
            outstanding_budget_micro=self.outstanding_budget_micro + quotes_micro,
            accumulators_micro=self.accumulators_micro + quotes_micro,
            paused=self.paused,
        )


def risk_of(slip: Slip, terms: Terms) -> int:
    """What the house commits with a slip: what it pays above the stake, whatever it nets."""
    return terms.payout_max_micro - slip.stake_micro


def budget_of(slip: Slip, terms: Terms) -> int:
    """What the slip's receipt can take of its key's budget. If an operator placed the slip at other
    terms, the receipt replaces that bet, which in play takes the stake as well
    (`Sportsbook.enforceInstead`)."""
    in_play = any(leg.market.in_play for leg in slip.legs)
    return risk_of(slip, terms) + (slip.stake_micro if in_play else 0)


def check_capacity(slip: Slip, terms: Terms, capacity: Capacity, reserve_micro: int) -> None:
    """Raises MarketClosed while placing is paused, and ExposureExceeded when the bankroll cannot
    cover the slip and leave free what the contract keeps for receipts: then only its receipt could
    place it."""
    if capacity.paused:
        raise MarketClosed("The contract has paused placing, so no bets are accepted now.")
    risk_micro = risk_of(slip, terms)
    available_micro = capacity.available_micro - reserve_micro
    if risk_micro > available_micro:
        raise ExposureExceeded(
            "The bankroll cannot cover this bet's worst case; reduce the stake.",
            needed_micro=str(risk_micro),
            available_micro=str(max(0, available_micro)),
        )


def check_budget(
    slip: Slip,
    terms: Terms,
    capacity: Capacity,
    key: KeyState,
    reserve_micro: int,
    receipt_window_s: int,
) -> None:
    """Raises ReceiptBudgetExceeded when the slip's receipt could not be enforced beside all others:
    the key's budget, or the contract's reserve for receipts, would be used up; ReceiptTooLarge when
    even both in full would not do. In play, the budget must have the stake as well; the reserve
    need not, since what a receipt replaces gives it back.
    """
    needed_micro = budget_of(slip, terms)
    stake_micro = needed_micro - risk_of(slip, terms)
    most_micro = min(key.budget_micro, reserve_micro + stake_micro)
    left_micro = min(
        key.left_micro - capacity.outstanding_budget_micro,
        reserve_micro - capacity.outstanding_micro + stake_micro,
    )
    if needed_micro <= left_micro:
        return
    available_micro = max(0, left_micro)
    could = f"The slip could pay {tokens(needed_micro)}" + (
        "" if stake_micro else " above its stake"
    )
    if needed_micro > most_micro:
        raise ReceiptTooLarge(
            f"{could}; one receipt can commit the house to at most {tokens(most_micro)}. Reduce the"
            " stake.",
            needed_micro=str(needed_micro),
            max_micro=str(most_micro),
        )
    # What bets take of the budget comes back once they are placed by a batch; what receipts took
    # comes back over time.
    regained_s = -(-(needed_micro - left_micro) * BUDGET_PERIOD_S // key.budget_micro)
    wait_s = min(regained_s, receipt_window_s)
    raise ReceiptBudgetExceeded(
        f"{could}; until pending slips are placed, the house can commit to"
        f" {tokens(available_micro)} more. Try again in {wait_s} s, or reduce the stake.",
        retry_after_s=wait_s,
        needed_micro=str(needed_micro),
        available_micro=str(available_micro),
    )


def check_caps(
    slip: Slip,
    terms: Terms,
    market: bytes,
    limits: HouseLimits,
    locked_micro: Mapping[bytes, int],
    accumulators_micro: int,
    quotes_micro: int,
) -> None:
    """Raises CapExceeded when the contract could leave the slip out because of its caps. Pending
    slips count in full, without netting, since the order in which they are placed is unknown; so do
    quotes, which could lock `quotes_micro` anywhere and are in `accumulators_micro` already.
    `market` is the packed id of its first leg's; `locked_micro` is what counts on the slip's one
    fixture, by market id, `accumulators_micro` what counts of accumulators."""
    risk_micro = risk_of(slip, terms)
    if len(slip.legs) > 1:
        available = {
            "an accumulator": limits.market_cap_micro,
            "the house's accumulators": limits.accumulator_cap_micro - accumulators_micro,
        }
    else:
        available = {
            "this market": limits.market_cap_micro - quotes_micro - locked_micro.get(market, 0),
            "this fixture": limits.fixture_cap_micro - quotes_micro - sum(locked_micro.values()),
        }
    scope, available_micro = min(available.items(), key=lambda entry: entry[1])
    if risk_micro > available_micro:
        raise CapExceeded(
            f"The remaining cap for {scope} is {tokens(max(0, available_micro))}, and the slip"
            f" needs {tokens(risk_micro)}; reduce the stake.",
            needed_micro=str(risk_micro),
            available_micro=str(max(0, available_micro)),
        )
