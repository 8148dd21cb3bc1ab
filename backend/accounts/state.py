"""Describes what an account holds and what is reserved of it; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backend.accounts.nonces import ChainNonces, Nonces, nonces_of
from backend.accounts.refusals import BalanceInsufficient


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account as the mirror shows it, with what the house has reserved of it.

    `placed_nonces` are the highest nonces of bets, a window of them, and `pending_nonces` those of
    pending slips. Times are 0 where there is none. `withdrawals` counts the countersigned
    withdrawals that the mirror shows at its head, whose time is `head_timestamp_s`.
    """

    balance_micro: int
    pending_micro: int
    exit_micro: int
    withdrawals_micro: int
    placed_nonces: Sequence[int]
    pending_nonces: Sequence[int]
    excluded_until_s: int
    withdrawals: int
    head_timestamp_s: int

    @property
    def reserved_micro(self) -> int:
        """What pending slips, an announced exit and countersigned withdrawals reserve."""
        return self.pending_micro + self.exit_micro + self.withdrawals_micro

    @property
    def available_micro(self) -> int:
        """What can be bet or withdrawn."""
        return max(0, self.balance_micro - self.reserved_micro)

    @property
    def pending(self) -> int:
        """The number of pending slips."""
        return len(self.pending_nonces)

    def nonces(self, chain: ChainNonces, receipt_window_s: int) -> Nonces:
        """The nonces that can be used, by the mirror and what the chain had when it was asked."""
        return nonces_of(
            chain,
            self.placed_nonces,
            self.pending_nonces,
            self.head_timestamp_s,
            receipt_window_s,
        )


def balance_insufficient(
    account: int, state: AccountState, needed_micro: int
) -> BalanceInsufficient:
    """The refusal that states the account, what is available and what is needed."""
    return BalanceInsufficient(
        f"Account {account} has {state.available_micro} micro-units available, but"
        f" {needed_micro} are needed. Deposit more, or wait for reserved funds to be released.",
        account=account,
        balance_micro=str(state.balance_micro),
        reserved_micro=str(state.reserved_micro),
        available_micro=str(state.available_micro),
        needed_micro=str(needed_micro),
    )
