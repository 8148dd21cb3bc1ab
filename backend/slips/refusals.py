"""Owns the reasons for which the house does not take a slip: one class each, with a stable code."""

from __future__ import annotations

from typing import ClassVar

from backend.problems import Problem

FORBIDDEN = 403
NOT_FOUND = 404
CONFLICT = 409
MALFORMED = 422
UNAVAILABLE = 503


class SlipRefused(Problem):
    """A slip that the house does not take; nothing was changed."""

    status: ClassVar[int] = CONFLICT


class StakeInvalid(SlipRefused):
    """The stake is no positive whole number of micro-units in a decimal string."""

    status = MALFORMED
    code = "stake-invalid"
    title = "The stake is no amount"


class LegsInvalid(SlipRefused):
    """Too many legs for one slip."""

    status = MALFORMED
    code = "legs-invalid"
    title = "The legs make no bet"


class LegsCorrelated(SlipRefused):
    """Two legs are on one fixture, whose odds cannot be multiplied."""

    code = "legs-correlated"
    title = "One leg a fixture"


class AccountUnknown(SlipRefused):
    """The mirror knows no such account; the first deposit opens it."""

    status = NOT_FOUND
    code = "account-unknown"
    title = "There is no such account"


class SignatureInvalid(SlipRefused):
    """The signature is not the account owner's for exactly these values."""

    status = FORBIDDEN
    code = "signature-invalid"
    title = "The signature is not the owner's"


class WrongChain(SlipRefused):
    """The owner signed for another chain."""

    status = FORBIDDEN
    code = "wrong-chain"
    title = "Signed for another chain"


class ContractSignatureUnsupported(SlipRefused):
    """The signature looks like a contract wallet's, and no chain node is set up to ask it."""

    status = UNAVAILABLE
    code = "contract-signature-unsupported"
    title = "Contract wallets cannot sign here"


class MarketUnknown(SlipRefused):
    """The house opened no such market, or it has no such outcome."""

    status = NOT_FOUND
    code = "market-unknown"
    title = "There is no such market or outcome"


class MarketClosed(SlipRefused):
    """The market takes no bets now."""

    code = "market-closed"
    title = "The market takes no bets now"


class MarketStarted(SlipRefused):
    """The fixture has started."""

    code = "market-started"
    title = "The fixture has started"


class SlipExpired(SlipRefused):
    """The slip's deadline has passed."""

    code = "slip-expired"
    title = "The slip has expired"


class DeadlineTooFar(SlipRefused):
    """The slip's deadline lies further ahead than the house binds itself."""

    code = "deadline-too-far"
    title = "The deadline is too far ahead"


class StakeTooSmall(SlipRefused):
    """The stake is below the least that the house takes."""

    code = "stake-too-small"
    title = "The stake is too small"


class StakeTooLarge(SlipRefused):
    """The stake is above the most that the house takes."""

    code = "stake-too-large"
    title = "The stake is too large"


class PayoutTooLarge(SlipRefused):
    """The slip could pay more than the house offers."""

    code = "payout-too-large"
    title = "The payout would be too large"


class OddsMoved(SlipRefused):
    """The odds are below the slip's minimum now."""

    code = "odds-moved"
    title = "The odds moved"


class OddsStale(SlipRefused):
    """The odds process is not at work, so no odds can be promised."""

    status = UNAVAILABLE
    code = "odds-stale"
    title = "The odds are paused"


class NonceUsed(SlipRefused):
    """A bet or another slip of the account has this nonce."""

    code = "nonce-used"
    title = "The nonce was used"


class NonceTooLow(SlipRefused):
    """The nonce has fallen behind the window that the contract still takes."""

    code = "nonce-too-low"
    title = "The nonce is too low"


class NonceTooHigh(SlipRefused):
    """The nonce would push a slip that still waits out of the contract's window."""

    code = "nonce-too-high"
    title = "The nonce is too far ahead"


class TooManyPending(SlipRefused):
    """As many slips of the account wait for the chain as may."""

    code = "too-many-pending"
    title = "Too many slips are on their way"


class BalanceInsufficient(SlipRefused):
    """The account's free balance does not hold the amount."""

    code = "balance-insufficient"
    title = "The balance is too low"


class ExposureExceeded(SlipRefused):
    """The bankroll could not pay this bet in the worst case."""

    code = "exposure-exceeded"
    title = "The house cannot cover this bet now"


class CapExceeded(SlipRefused):
    """The contract's cap for the market, the fixture or an accumulator leaves no room."""

    code = "cap-exceeded"
    title = "The house takes no more on this"


class AccountExcluded(SlipRefused):
    """The account's owner has shut it to bets."""

    status = FORBIDDEN
    code = "account-excluded"
    title = "The account is shut to bets"


class IdempotencyConflict(SlipRefused):
    """The idempotency key was used for another slip."""

    code = "idempotency-conflict"
    title = "The idempotency key was used for something else"
