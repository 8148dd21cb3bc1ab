"""Defines the refusals of a slip, one class per reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from backend import examples
from backend.accounts.refusals import (
    SIGNATURE_REFUSALS,
    AccountUnknown,
    BalanceInsufficient,
    ContractSignatureUnsupported,
    DeadlineTooFar,
)
from backend.chain_view import ChainUnreachable
from backend.own_limits.refusals import LIMIT_REFUSALS
from backend.problems import Problem, Refused
from backend.reports.outlook import PlacingDelayed


class StakeInvalid(Refused):
    """The stake must be a decimal string: a positive whole number of micro-units."""

    status = 422
    code = "stake-invalid"
    title = "Invalid stake"


class TooManyLegs(Refused):
    """The slip has more legs than are accepted."""

    status = 422
    code = "too-many-legs"
    title = "Too many legs"


class LegsCorrelated(Refused):
    """Two legs are on the same fixture, so their odds cannot be multiplied."""

    code = "legs-correlated"
    title = "Two legs on one fixture"


class MarketUnknown(Refused):
    """No such market was opened, or it has no such outcome."""

    status = 404
    code = "market-unknown"
    title = "Market or outcome not found"
    extra: ClassVar[Mapping[str, Any]] = {"market": examples.MARKET}


class MarketClosed(Refused):
    """The market is not accepting bets now."""

    code = "market-closed"
    title = "Market closed"
    extra: ClassVar[Mapping[str, Any]] = {
        "fixture_status": "postponed",
        "market_status": "open",
    }


class MarketStarted(Refused):
    """The fixture has started."""

    code = "market-started"
    title = "Fixture started"
    extra: ClassVar[Mapping[str, Any]] = {
        "starts_at_s": examples.STARTS_AT_S,
        "now_s": examples.STARTS_AT_S,
    }


class SlipExpired(Refused):
    """The slip's deadline has passed."""

    code = "slip-expired"
    title = "Slip expired"
    extra: ClassVar[Mapping[str, Any]] = {"now_s": examples.NOW_S}


class StakeTooSmall(Refused):
    """The stake is below the minimum stake."""

    code = "stake-too-small"
    title = "Stake too small"
    extra: ClassVar[Mapping[str, Any]] = {"min_stake_micro": "100000"}


class StakeTooLarge(Refused):
    """The stake is above the maximum stake."""

    code = "stake-too-large"
    title = "Stake too large"
    extra: ClassVar[Mapping[str, Any]] = {"max_stake_micro": "500000000"}


class PayoutTooLarge(Refused):
    """The slip could pay more than the maximum payout."""

    code = "payout-too-large"
    title = "Payout too large"
    extra: ClassVar[Mapping[str, Any]] = {
        "payout_micro": "20000000001",
        "max_payout_micro": "20000000000",
    }


class OddsMoved(Refused):
    """The odds are now below the slip's minimum."""

    code = "odds-moved"
    title = "Odds moved"
    extra: ClassVar[Mapping[str, Any]] = {
        "odds_e4": [18_500],
        "product_odds_e4": 18_500,
        "min_odds_e4": examples.MIN_ODDS_E4,
    }


class OddsStale(Refused):
    """The odds are not current, so no slip can be accepted."""

    status = 503
    code = "odds-stale"
    title = "Odds stale"


class NonceUsed(Refused):
    """A bet or another slip of the account has already used this nonce."""

    code = "nonce-used"
    title = "Nonce already used"
    extra: ClassVar[Mapping[str, Any]] = {"next_nonce": 2}


class NonceCancelled(Refused):
    """The account's owner has cancelled the nonce on the contract."""

    code = "nonce-cancelled"
    title = "Nonce cancelled"
    extra: ClassVar[Mapping[str, Any]] = {"next_nonce": 2}


class NonceTooFar(Refused):
    """The nonce is too far above the lowest unused one, or a cancellation has not taken effect
    yet."""

    code = "nonce-too-far"
    title = "Nonce too far ahead"
    extra: ClassVar[Mapping[str, Any]] = {"next_nonce": 2}


class TooManyPending(Refused):
    """The account has the maximum number of pending slips."""

    code = "too-many-pending"
    title = "Too many pending slips"
    extra: ClassVar[Mapping[str, Any]] = {"pending": 8}


class ExposureExceeded(Refused):
    """The bankroll cannot cover this bet's worst case."""

    code = "exposure-exceeded"
    title = "Bankroll capacity exceeded"
    extra: ClassVar[Mapping[str, Any]] = {"needed_micro": "2300000", "available_micro": "2000000"}


class ReceiptBudgetExceeded(Refused):
    """The key that signs receipts cannot commit the house to this slip now; `Retry-After` says when
    to try again."""

    status = 503
    code = "receipt-budget"
    title = "Receipt budget used up"
    extra: ClassVar[Mapping[str, Any]] = {"needed_micro": "2300000", "available_micro": "2000000"}


class ReceiptTooLarge(Refused):
    """The slip needs more than a single receipt can commit the house to; waiting does not help."""

    code = "receipt-too-large"
    title = "Too large for a receipt"
    extra: ClassVar[Mapping[str, Any]] = {"needed_micro": "2300000", "max_micro": "2000000"}


class CapExceeded(Refused):
    """The risk exceeds what is left of the contract's cap for the market, fixture or
    accumulator."""

    code = "cap-exceeded"
    title = "Exposure cap exceeded"
    extra: ClassVar[Mapping[str, Any]] = {"needed_micro": "2300000", "available_micro": "2000000"}


class AccountExcluded(Refused):
    """The account's owner has excluded it from betting."""

    status = 403
    code = "account-excluded"
    title = "Account excluded from betting"
    extra: ClassVar[Mapping[str, Any]] = {
        "account": examples.ACCOUNT,
        "excluded_until_s": examples.STARTS_AT_S,
    }


class IdempotencyConflict(Refused):
    """The idempotency key was used for another slip."""

    code = "idempotency-conflict"
    title = "Idempotency key already used"
    extra: ClassVar[Mapping[str, Any]] = {"slip": examples.SLIP}


class SlipPlaced(Refused):
    """The slip was already placed on its receipt's terms; there is nothing to enforce."""

    code = "slip-placed"
    title = "Slip already placed"
    extra: ClassVar[Mapping[str, Any]] = {"batch": examples.BATCH, "bet": examples.BET}


class ReceiptExpired(Refused):
    """The receipt can no longer be enforced."""

    code = "receipt-expired"
    title = "Receipt expired"
    extra: ClassVar[Mapping[str, Any]] = {
        "enforce_until_s": examples.ENFORCE_UNTIL_S,
        "now_s": examples.ENFORCE_UNTIL_S + 1,
    }


class NothingToReplace(Refused):
    """The slip's nonce was used by a different bet, or the slip's own bet is already settled or
    cashed out."""

    code = "nothing-to-replace"
    title = "Nothing to replace"
    extra: ClassVar[Mapping[str, Any]] = {"batch": examples.BATCH, "bet": examples.BET}


SLIP_REFUSALS: tuple[type[Problem], ...] = (
    ChainUnreachable,
    StakeInvalid,
    TooManyLegs,
    LegsCorrelated,
    AccountUnknown,
    *SIGNATURE_REFUSALS,
    ContractSignatureUnsupported,
    MarketUnknown,
    MarketClosed,
    MarketStarted,
    SlipExpired,
    DeadlineTooFar,
    StakeTooSmall,
    StakeTooLarge,
    PayoutTooLarge,
    OddsMoved,
    OddsStale,
    NonceUsed,
    NonceCancelled,
    NonceTooFar,
    TooManyPending,
    BalanceInsufficient,
    ExposureExceeded,
    ReceiptBudgetExceeded,
    ReceiptTooLarge,
    CapExceeded,
    AccountExcluded,
    *LIMIT_REFUSALS,
    IdempotencyConflict,
    PlacingDelayed,
)
"""Every reason for which a slip can be refused, for the OpenAPI document."""
