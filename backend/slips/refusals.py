"""Defines the refusals of a slip, one class per reason."""

from __future__ import annotations

from backend.accounts.refusals import (
    AccountUnknown,
    BalanceInsufficient,
    ContractSignatureUnsupported,
    DeadlineTooFar,
    SignatureInvalid,
    WrongChain,
)
from backend.problems import Problem, Refused


class StakeInvalid(Refused):
    """The stake is not a positive whole number of micro-units in a decimal string."""

    status = 422
    code = "stake-invalid"
    title = "Invalid stake"


class LegsInvalid(Refused):
    """The slip has more legs than are accepted."""

    status = 422
    code = "legs-invalid"
    title = "Invalid legs"


class LegsCorrelated(Refused):
    """Two legs are on the same fixture, so their odds cannot be multiplied."""

    code = "legs-correlated"
    title = "Two legs on one fixture"


class MarketUnknown(Refused):
    """No such market was opened, or it has no such outcome."""

    status = 404
    code = "market-unknown"
    title = "Market or outcome not found"


class MarketClosed(Refused):
    """The market is not accepting bets now."""

    code = "market-closed"
    title = "Market closed"


class MarketStarted(Refused):
    """The fixture has started."""

    code = "market-started"
    title = "Fixture started"


class SlipExpired(Refused):
    """The slip's deadline has passed."""

    code = "slip-expired"
    title = "Slip expired"


class StakeTooSmall(Refused):
    """The stake is below the minimum stake."""

    code = "stake-too-small"
    title = "Stake too small"


class StakeTooLarge(Refused):
    """The stake is above the maximum stake."""

    code = "stake-too-large"
    title = "Stake too large"


class PayoutTooLarge(Refused):
    """The slip could pay more than the maximum payout."""

    code = "payout-too-large"
    title = "Payout too large"


class OddsMoved(Refused):
    """The odds are now below the slip's minimum."""

    code = "odds-moved"
    title = "Odds moved"


class OddsStale(Refused):
    """No current odds are available, so no slip can be accepted."""

    status = 503
    code = "odds-stale"
    title = "Odds unavailable"


class NonceUsed(Refused):
    """A bet or another slip of the account has this nonce."""

    code = "nonce-used"
    title = "Nonce already used"


class NonceTooLow(Refused):
    """The nonce is below the window that the contract still accepts."""

    code = "nonce-too-low"
    title = "Nonce too low"


class NonceTooHigh(Refused):
    """The nonce would push a pending slip out of the contract's nonce window."""

    code = "nonce-too-high"
    title = "Nonce too high"


class TooManyPending(Refused):
    """The account has the maximum number of pending slips."""

    code = "too-many-pending"
    title = "Too many pending slips"


class ExposureExceeded(Refused):
    """The bankroll could not pay this bet in the worst case."""

    code = "exposure-exceeded"
    title = "Bankroll capacity exceeded"


class CapExceeded(Refused):
    """The risk exceeds what is left of the contract's cap for the market, fixture or
    accumulator."""

    code = "cap-exceeded"
    title = "Exposure cap exceeded"


class AccountExcluded(Refused):
    """The account's owner has excluded it from betting."""

    status = 403
    code = "account-excluded"
    title = "Account excluded from betting"


class IdempotencyConflict(Refused):
    """The idempotency key was used for another slip."""

    code = "idempotency-conflict"
    title = "Idempotency key already used"


SLIP_REFUSALS: tuple[type[Problem], ...] = (
    StakeInvalid,
    LegsInvalid,
    LegsCorrelated,
    AccountUnknown,
    SignatureInvalid,
    WrongChain,
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
    NonceTooLow,
    NonceTooHigh,
    TooManyPending,
    BalanceInsufficient,
    ExposureExceeded,
    CapExceeded,
    AccountExcluded,
    IdempotencyConflict,
)
"""Every reason for which a slip can be refused, for the OpenAPI document."""
