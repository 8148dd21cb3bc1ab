"""Checks whether an account's state allows a slip: exclusion, nonce, pending slips and balance."""

from __future__ import annotations

from backend.accounts.state import AccountState, balance_insufficient
from backend.slips.refusals import (
    AccountExcluded,
    NonceTooHigh,
    NonceTooLow,
    NonceUsed,
    TooManyPending,
)
from protocol.limits import NONCE_WINDOW
from protocol.typed_data import Slip

MAX_PENDING = 8


def check_account(slip: Slip, state: AccountState) -> None:
    """Raises the refusal when the account's state does not allow the slip."""
    if state.excluded_until_s:
        raise AccountExcluded(
            f"The owner of account {slip.account} has excluded it from betting until"
            f" {state.excluded_until_s}.",
            account=slip.account,
            excluded_until_s=state.excluded_until_s,
        )
    _check_nonce(slip.nonce, state)
    if state.pending >= MAX_PENDING:
        raise TooManyPending(
            f"Account {slip.account} has {state.pending} pending slips; wait until one of them is"
            " placed.",
            pending=state.pending,
        )
    if slip.stake_micro > state.available_micro:
        raise balance_insufficient(slip.account, state, slip.stake_micro)


def _check_nonce(nonce: int, state: AccountState) -> None:
    following = {"next_nonce": state.next_nonce}
    if state.nonce_used:
        raise NonceUsed(
            f"Nonce {nonce} was used for another slip or bet; sign with {state.next_nonce}.",
            **following,
        )
    highest = max(state.highest_bet_nonce, state.highest_pending_nonce)
    if nonce < max(1, highest - NONCE_WINDOW):
        raise NonceTooLow(
            f"Nonce {nonce} is more than {NONCE_WINDOW} below the highest one, {highest}; sign"
            f" with {state.next_nonce}.",
            **following,
        )
    latest = state.lowest_pending_nonce + NONCE_WINDOW
    if state.pending and nonce > latest:
        raise NonceTooHigh(
            f"Nonce {nonce} is more than {NONCE_WINDOW} above nonce {state.lowest_pending_nonce},"
            " which is still pending; the contract might then refuse that slip. Sign with a nonce"
            f" of at most {latest}, or wait until that slip is placed.",
            **following,
        )
