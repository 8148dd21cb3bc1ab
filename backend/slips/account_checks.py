"""Checks whether an account's state allows a slip: exclusion, nonce, pending slips and balance."""

from __future__ import annotations

from backend.accounts.nonces import Nonces
from backend.accounts.state import AccountState, balance_insufficient
from backend.formatting import utc
from backend.slips.refusals import (
    AccountExcluded,
    NonceCancelled,
    NonceTooFar,
    NonceUsed,
    TooManyPending,
)
from protocol.typed_data import Slip

MAX_PENDING = 8


def check_account(slip: Slip, state: AccountState, nonces: Nonces) -> None:
    """Raises the refusal when the account's state does not allow the slip."""
    if state.excluded_until_s:
        raise AccountExcluded(
            f"The owner of account {slip.account} has excluded it from betting until"
            f" {utc(state.excluded_until_s)}.",
            account=slip.account,
            excluded_until_s=state.excluded_until_s,
        )
    _check_nonce(slip.nonce, nonces, state.head_timestamp_s)
    if state.pending >= MAX_PENDING:
        raise TooManyPending(
            f"Account {slip.account} has {state.pending} pending slips; wait until one of them is"
            " placed.",
            pending=state.pending,
        )
    if slip.stake_micro > state.available_micro:
        raise balance_insufficient(slip.account, state, slip.stake_micro)


def _check_nonce(nonce: int, nonces: Nonces, now_s: int) -> None:
    following = {"next_nonce": nonces.next}
    cancelled = nonces.cancellation
    if nonce == 0:
        raise NonceUsed(f"Nonces begin at 1; sign with {nonces.next}.", **following)
    if nonces.is_used(nonce):
        raise NonceUsed(
            f"Another slip or bet has already used nonce {nonce}; sign with {nonces.next}.",
            **following,
        )
    if nonce <= cancelled.last:
        raise NonceCancelled(
            f"The account's owner has cancelled the nonces up to {cancelled.last}; sign with"
            f" {nonces.next}.",
            **following,
        )
    if nonce <= nonces.latest:
        return
    if nonces.next > nonces.latest and now_s < cancelled.lifted_at_s:
        raise NonceTooFar(
            f"The nonces up to {cancelled.last} are cancelled, but this takes effect in the"
            f" contract only at {utc(cancelled.lifted_at_s)}; sign with {nonces.next} then.",
            retry_after_s=cancelled.lifted_at_s - now_s,
            **following,
        )
    raise NonceTooFar(
        f"Nonce {nonce} is too far ahead: nonce {nonces.lowest_unused} is not used yet, and the"
        f" contract refuses slips more than {nonces.latest - nonces.lowest_unused} above it. Sign"
        f" with {nonces.next}, or wait until pending slips are placed.",
        **following,
    )
