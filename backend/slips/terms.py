"""Prices a slip and checks it against the limits of the house; pure: it is handed clock and odds.

What the contract would refuse is refused here first, because an accepted slip is a commitment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backend.accounts.refusals import DeadlineTooFar
from backend.formatting import tokens, utc
from backend.markets.tables import FixtureStatus, MarketStatus
from backend.odds.redis_messages import Published
from backend.slips.refusals import (
    LegsCorrelated,
    MarketClosed,
    MarketStarted,
    OddsMoved,
    OddsStale,
    PayoutTooLarge,
    SlipExpired,
    StakeTooLarge,
    StakeTooSmall,
    TooManyLegs,
)
from protocol.limits import ODDS_ONE_E4
from protocol.payout import full_payout_down, odds_product
from protocol.typed_data import Slip


@dataclass(frozen=True, slots=True)
class Limits:
    """The slips that the house accepts."""

    min_stake_micro: int
    max_stake_micro: int
    max_payout_micro: int
    max_legs: int
    max_deadline_s: int
    max_odds_age_ms: int


@dataclass(frozen=True, slots=True)
class Offer:
    """The market of a leg: whether it accepts bets, its odds if it has any, and when bets close if
    the match starts earlier than the market says."""

    fixture_status: str
    market_status: str
    odds: Published | None
    closes_at_s: int | None = None


@dataclass(frozen=True, slots=True)
class LiveOffers:
    """The offer for each leg, and how long ago the odds process confirmed its odds."""

    offers: Sequence[Offer]
    odds_age_ms: int


@dataclass(frozen=True, slots=True)
class Terms:
    """The odds x 10^4 of each leg that the receipt will state, and the payout if all win."""

    odds_e4: tuple[int, ...]
    payout_max_micro: int


def check_legs(slip: Slip, limits: Limits) -> None:
    """Raises TooManyLegs or LegsCorrelated."""
    if len(slip.legs) > limits.max_legs:
        raise TooManyLegs(
            f"A slip may have 1 to {limits.max_legs} legs; this one has {len(slip.legs)}."
        )
    if len({leg.market.fixture for leg in slip.legs}) < len(slip.legs):
        raise LegsCorrelated(
            "Two legs are on the same fixture. Their outcomes depend on each other, so their odds"
            " cannot be multiplied; choose at most one leg per fixture."
        )


def check_terms(slip: Slip, live: LiveOffers, limits: Limits, now_s: int) -> Terms:
    """The terms on which a slip can be accepted at `now_s`. Raises the refusal when there are
    none."""
    check_not_expired(slip, now_s)
    _check_deadline(slip, limits, now_s)
    _check_stake(slip, limits)
    for leg, offer in zip(slip.legs, live.offers, strict=True):
        starts_at_s = min(leg.market.starts_at_s, offer.closes_at_s or leg.market.starts_at_s)
        if starts_at_s <= now_s and not leg.market.in_play:
            raise MarketStarted(
                f"{leg.fixture_name} started at {utc(starts_at_s)}; it is now {utc(now_s)}.",
                starts_at_s=starts_at_s,
                now_s=now_s,
            )
        _check_open(leg.fixture_name, offer)
    if live.odds_age_ms > limits.max_odds_age_ms:
        raise OddsStale("The odds are not current; try again.", retry_after_s=2)
    return _priced(slip, _current_odds(slip, live.offers), limits)


def _check_open(fixture_name: str, offer: Offer) -> None:
    """Raises MarketClosed with the status of fixture and market."""
    status = FixtureStatus(offer.fixture_status)
    if status is FixtureStatus.POSTPONED:
        reason = "the match is postponed; try again later."
    elif status is not FixtureStatus.SCHEDULED:
        reason = f"bets on this match are closed; its status is {status}."
    elif offer.market_status != MarketStatus.OPEN:
        reason = f"this market is {offer.market_status}; try again later."
    else:
        return
    raise MarketClosed(
        f"{fixture_name}: {reason}",
        fixture_status=offer.fixture_status,
        market_status=offer.market_status,
    )


def check_not_expired(slip: Slip, now_s: int) -> None:
    """Raises SlipExpired."""
    if slip.deadline_s <= now_s:
        raise SlipExpired(
            f"The deadline was {utc(slip.deadline_s)} and it is now {utc(now_s)}; sign a new slip.",
            now_s=now_s,
        )


def _check_deadline(slip: Slip, limits: Limits, now_s: int) -> None:
    latest_s = now_s + limits.max_deadline_s
    if slip.deadline_s > latest_s:
        raise DeadlineTooFar(
            f"The deadline may be at most {limits.max_deadline_s} s ahead, at {utc(latest_s)}; sign"
            " a slip with an earlier one.",
            now_s=now_s,
            latest_s=latest_s,
        )


def _check_stake(slip: Slip, limits: Limits) -> None:
    if slip.stake_micro < limits.min_stake_micro:
        raise StakeTooSmall(
            f"The minimum stake is {tokens(limits.min_stake_micro)}.",
            min_stake_micro=str(limits.min_stake_micro),
        )
    if slip.stake_micro > limits.max_stake_micro:
        raise StakeTooLarge(
            f"The maximum stake is {tokens(limits.max_stake_micro)}.",
            max_stake_micro=str(limits.max_stake_micro),
        )


def _current_odds(slip: Slip, offers: Sequence[Offer]) -> tuple[int, ...]:
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
            f"The odds are now {_shown(odds_e4, product * ODDS_ONE_E4 // one)}, below your minimum"
            f" of {_decimal(slip.min_odds_e4)}; to accept them, sign a slip with a lower minimum.",
            odds_e4=list(odds_e4),
            product_odds_e4=product * ODDS_ONE_E4 // one,
            min_odds_e4=slip.min_odds_e4,
        )
    payout_micro = full_payout_down(slip.stake_micro, odds_e4)
    if payout_micro > limits.max_payout_micro:
        raise PayoutTooLarge(
            f"The slip could pay {tokens(payout_micro)}; the maximum payout is"
            f" {tokens(limits.max_payout_micro)}. Reduce the stake or the number of legs.",
            payout_micro=str(payout_micro),
            max_payout_micro=str(limits.max_payout_micro),
        )
    return Terms(odds_e4, payout_micro)


def _shown(odds_e4: Sequence[int], product_e4: int) -> str:
    """The odds of a slip, with those of its legs where there are several: "2.25 (1.5 x 1.5)"."""
    legs = " x ".join(_decimal(one) for one in odds_e4)
    return legs if len(odds_e4) == 1 else f"{_decimal(product_e4)} ({legs})"


def _decimal(odds_e4: int) -> str:
    whole, part = divmod(odds_e4, ODDS_ONE_E4)
    return f"{whole}.{part:04}".rstrip("0").rstrip(".")
