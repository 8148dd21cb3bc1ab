"""Owns whether a slip is taken; pure: it is handed the clock, the odds and the account's state.

What the contract would refuse is refused here first, because an accepted slip is a promise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backend.odds.publisher import Published
from backend.slips.refusals import (
    AccountExcluded,
    BalanceInsufficient,
    CapExceeded,
    DeadlineTooFar,
    ExposureExceeded,
    LegsCorrelated,
    LegsInvalid,
    MarketClosed,
    MarketStarted,
    NonceTooHigh,
    NonceTooLow,
    NonceUsed,
    OddsMoved,
    OddsStale,
    PayoutTooLarge,
    SlipExpired,
    StakeInvalid,
    StakeTooLarge,
    StakeTooSmall,
    TooManyPending,
)
from protocol.limits import MAX_MICRO, NONCE_WINDOW, ODDS_ONE_E4
from protocol.payout import full_payout_down, odds_product
from protocol.typed_data import Slip

MAX_PENDING = 8

_WHOLE = re.compile(r"[0-9]{1,19}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Limits:
    """What the house takes."""

    min_stake_micro: int
    max_stake_micro: int
    max_payout_micro: int
    max_legs: int
    max_deadline_s: int
    max_odds_age_ms: int


@dataclass(frozen=True, slots=True)
class Offer:
    """What stands behind a leg: whether the house takes bets on it, and the odds of its market."""

    fixture_status: str
    market_status: str
    odds: Published | None


@dataclass(frozen=True, slots=True)
class Terms:
    """The odds x 10^4 of each leg that the receipt will name, and the payout if all win."""

    odds_e4: tuple[int, ...]
    payout_max_micro: int


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account as the mirror shows it, with what is promised off it; nonces are 0 for none."""

    balance_micro: int
    pending_micro: int
    exit_micro: int
    withdrawals_micro: int
    highest_nonce: int
    nonce_taken: bool
    next_nonce: int
    pending: int
    lowest_pending: int
    highest_pending: int
    excluded_until_s: int = 0

    @property
    def reserved_micro(self) -> int:
        """What slips on their way, an announced exit and countersigned withdrawals hold."""
        return self.pending_micro + self.exit_micro + self.withdrawals_micro

    @property
    def available_micro(self) -> int:
        """What is free to bet or to withdraw."""
        return max(0, self.balance_micro - self.reserved_micro)


@dataclass(frozen=True, slots=True)
class CapUse:
    """The most that may be locked for a market and for a fixture, and by market id what is locked
    on a fixture or could be by slips on their way; micro-units."""

    market_micro: int
    fixture_micro: int
    locked: Mapping[bytes, int]


def read_amount(amount: object, name: str = "stake_micro") -> int:
    """Micro-units of a decimal string. Raises StakeInvalid for anything but 1 to 2^56 - 1."""
    if isinstance(amount, str) and _WHOLE.fullmatch(amount):
        micro = int(amount)
        if 0 < micro <= MAX_MICRO:
            return micro
    raise StakeInvalid(
        f"{name} must be a positive whole number of micro-units in a decimal string,"
        f' such as "2500000" for 2.5 tokens, and at most {MAX_MICRO}.'
    )


def check_legs(slip: Slip, limits: Limits) -> None:
    """Raises LegsInvalid or LegsCorrelated."""
    if len(slip.legs) > limits.max_legs:
        raise LegsInvalid(f"A slip has 1 to {limits.max_legs} legs, not {len(slip.legs)}.")
    if len({leg.market.fixture for leg in slip.legs}) < len(slip.legs):
        raise LegsCorrelated(
            "Two legs are on one fixture; what happens in one decides on the other, so their odds"
            " cannot be multiplied. Take one leg a fixture."
        )


def check_terms(
    slip: Slip, offers: Sequence[Offer], odds_age_ms: int, limits: Limits, now_s: int
) -> Terms:
    """The terms on which a slip is taken at `now_s`. Raises the reason for which it is not."""
    _check_deadline(slip, limits, now_s)
    _check_stake(slip, limits)
    for leg, offer in zip(slip.legs, offers, strict=True):
        if leg.market.starts_at_s <= now_s and not leg.market.in_play:
            raise MarketStarted(
                f"{leg.fixture_name} started at {leg.market.starts_at_s}, it is {now_s} now.",
                starts_at_s=leg.market.starts_at_s,
                now_s=now_s,
            )
        if offer.fixture_status != "scheduled" or offer.market_status != "open":
            raise MarketClosed(f"{leg.fixture_name}: this market is suspended; try again later.")
    if odds_age_ms > limits.max_odds_age_ms:
        raise OddsStale("The odds process is not at work; try again.", retry_after_s=2)
    return _priced(slip, _odds(slip, offers), limits)


def check_account(slip: Slip, state: AccountState) -> None:
    """Raises the reason for which the account's state does not carry the slip."""
    if state.excluded_until_s:
        raise AccountExcluded(
            f"Account {slip.account} is shut to bets by its owner until {state.excluded_until_s}.",
            account=slip.account,
            excluded_until_s=state.excluded_until_s,
        )
    _check_nonce(slip.nonce, state)
    if state.pending >= MAX_PENDING:
        raise TooManyPending(
            f"{state.pending} slips of account {slip.account} wait for the chain; wait until one"
            " of them is placed.",
            pending=state.pending,
        )
    if slip.stake_micro > state.available_micro:
        raise balance_insufficient(slip.account, state, slip.stake_micro)


def balance_insufficient(account: int, state: AccountState, needed_micro: int) -> Exception:
    """The refusal that names account, what is free and what is needed."""
    return BalanceInsufficient(
        f"Account {account} has {state.available_micro} micro-units free, {needed_micro} are"
        " needed; deposit, or wait for what is reserved.",
        account=account,
        balance_micro=str(state.balance_micro),
        reserved_micro=str(state.reserved_micro),
        available_micro=str(state.available_micro),
        needed_micro=str(needed_micro),
    )


def check_house(terms: Terms, stake_micro: int, room_micro: int) -> None:
    """`room_micro` is what of the bankroll neither open bets nor slips on their way can need.
    Raises ExposureExceeded."""
    needed_micro = terms.payout_max_micro - stake_micro
    if needed_micro > room_micro:
        raise ExposureExceeded(
            "The bankroll could not pay this bet in the worst case; take a smaller stake.",
            needed_micro=str(needed_micro),
            available_micro=str(max(0, room_micro)),
        )


def check_caps(slip: Slip, terms: Terms, use: CapUse) -> None:
    """Raises CapExceeded when the contract could leave the slip out for its caps. What waits counts
    in full, without netting: nobody knows in which order it is placed."""
    risk_micro = terms.payout_max_micro - slip.stake_micro
    if len(slip.legs) > 1:
        rooms = {"accumulator": use.market_micro}
    else:
        market = slip.legs[0].market.pack()
        rooms = {
            "market": use.market_micro - use.locked.get(market, 0),
            "fixture": use.fixture_micro - sum(use.locked.values()),
        }
    what, room_micro = min(rooms.items(), key=lambda entry: entry[1])
    if risk_micro > room_micro:
        raise CapExceeded(
            f"The house can lose {max(0, room_micro)} micro-units more on this {what}, the slip"
            f" could cost it {risk_micro}; take a smaller stake.",
            needed_micro=str(risk_micro),
            available_micro=str(max(0, room_micro)),
        )


def _check_deadline(slip: Slip, limits: Limits, now_s: int) -> None:
    if slip.deadline_s <= now_s:
        raise SlipExpired(
            f"The deadline {slip.deadline_s} has passed, it is {now_s} now; sign a new slip.",
            now_s=now_s,
        )
    latest_s = now_s + limits.max_deadline_s
    if slip.deadline_s > latest_s:
        raise DeadlineTooFar(
            f"The deadline may lie {limits.max_deadline_s} s ahead, at {latest_s} at most; sign a"
            " slip with an earlier one.",
            now_s=now_s,
            latest_s=latest_s,
        )


def _check_stake(slip: Slip, limits: Limits) -> None:
    if slip.stake_micro < limits.min_stake_micro:
        raise StakeTooSmall(
            f"The least stake is {limits.min_stake_micro} micro-units.",
            min_stake_micro=str(limits.min_stake_micro),
        )
    if slip.stake_micro > limits.max_stake_micro:
        raise StakeTooLarge(
            f"The most stake is {limits.max_stake_micro} micro-units.",
            max_stake_micro=str(limits.max_stake_micro),
        )


def _odds(slip: Slip, offers: Sequence[Offer]) -> tuple[int, ...]:
    odds_e4: list[int] = []
    for leg, offer in zip(slip.legs, offers, strict=True):
        if offer.odds is None or leg.outcome >= len(offer.odds.odds_e4):
            raise MarketClosed(f"{leg.fixture_name}: no odds are offered on this market now.")
        odds_e4.append(offer.odds.odds_e4[leg.outcome])
    return tuple(odds_e4)


def _priced(slip: Slip, odds_e4: tuple[int, ...], limits: Limits) -> Terms:
    """The contract's own arithmetic: exact products, the payout rounded down once."""
    product, one = odds_product(odds_e4)
    if product * ODDS_ONE_E4 < slip.min_odds_e4 * one:
        raise OddsMoved(
            f"The legs stand at {list(odds_e4)} (x 10^4) now, together below your least odds of"
            f" {slip.min_odds_e4}; sign a slip with the new odds if you take them.",
            odds_e4=list(odds_e4),
            product_odds_e4=product * ODDS_ONE_E4 // one,
            min_odds_e4=slip.min_odds_e4,
        )
    payout_micro = full_payout_down(slip.stake_micro, odds_e4)
    if payout_micro > limits.max_payout_micro:
        raise PayoutTooLarge(
            f"The slip could pay {payout_micro} micro-units, the most is"
            f" {limits.max_payout_micro}; take a smaller stake or fewer legs.",
            payout_micro=str(payout_micro),
            max_payout_micro=str(limits.max_payout_micro),
        )
    return Terms(odds_e4, payout_micro)


def _check_nonce(nonce: int, state: AccountState) -> None:
    following = {"next_nonce": state.next_nonce}
    if state.nonce_taken:
        raise NonceUsed(
            f"Nonce {nonce} is that of another slip or bet; sign with {state.next_nonce}.",
            **following,
        )
    highest = max(state.highest_nonce, state.highest_pending)
    if nonce < max(1, highest - NONCE_WINDOW):
        raise NonceTooLow(
            f"Nonce {nonce} is more than {NONCE_WINDOW} below the highest one, {highest}; sign"
            f" with {state.next_nonce}.",
            **following,
        )
    if state.pending and nonce > state.lowest_pending + NONCE_WINDOW:
        raise NonceTooHigh(
            f"Nonce {nonce} is more than {NONCE_WINDOW} above that of a slip on its way,"
            f" {state.lowest_pending}, which it could shut out; sign with a nonce up to"
            f" {state.lowest_pending + NONCE_WINDOW}, or wait until that slip is placed.",
            **following,
        )
