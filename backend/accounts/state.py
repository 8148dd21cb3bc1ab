"""Describes what an account holds and what is reserved of it; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backend.accounts.nonces import Cancellation, Nonces, nonces_of
from backend.accounts.refusals import BalanceInsufficient
from backend.formatting import tokens


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account as the mirror shows it, with what the house has reserved of it.

    `exit_micro` is the amount of the announced exit, 0 without one. `placed_nonces` are the highest
    nonces of bets, a window of them, and `pending_nonces` those of pending slips. The owner's last
    cancellation is of the nonces up to `cancelled_nonce`, those before it of nonces up to
    `cancelled_before`. Nonces and times are 0 where there is none. `withdrawals` counts the
    countersigned withdrawals that the mirror shows at its head, whose time is `head_timestamp_s`.
    """

    balance_micro: int
    pending_micro: int
    exit_micro: int
    exit_unlocks_at_s: int | None
    withdrawals_micro: int
    placed_nonces: Sequence[int]
    pending_nonces: Sequence[int]
    cancelled_nonce: int
    cancelled_at_s: int
    cancelled_before: int
    last_exclusion_s: int
    withdrawals: int
    head_timestamp_s: int

    def with_slip(self, stake_micro: int, nonce: int) -> AccountState:
        """The state with one more pending slip."""
        return AccountState(
            balance_micro=self.balance_micro,
            pending_micro=self.pending_micro + stake_micro,
            exit_micro=self.exit_micro,
            exit_unlocks_at_s=self.exit_unlocks_at_s,
            withdrawals_micro=self.withdrawals_micro,
            placed_nonces=self.placed_nonces,
            pending_nonces=[*self.pending_nonces, nonce],
            cancelled_nonce=self.cancelled_nonce,
            cancelled_at_s=self.cancelled_at_s,
            cancelled_before=self.cancelled_before,
            last_exclusion_s=self.last_exclusion_s,
            withdrawals=self.withdrawals,
            head_timestamp_s=self.head_timestamp_s,
        )

    @property
    def reserved_micro(self) -> int:
        """What pending slips, an announced exit and countersigned withdrawals reserve."""
        return self.pending_micro + self.exit_micro + self.withdrawals_micro

    @property
    def available_micro(self) -> int:
        """What can be bet or withdrawn."""
        return max(0, self.balance_micro - self.reserved_micro)

    @property
    def excluded_until_s(self) -> int:
        """Until when the account is excluded from betting; 0 when it is not."""
        return self.last_exclusion_s if self.last_exclusion_s > self.head_timestamp_s else 0

    @property
    def pending(self) -> int:
        """The number of pending slips."""
        return len(self.pending_nonces)

    def nonces(self, receipt_window_s: int) -> Nonces:
        """The nonces that can be used at the mirror's head."""
        over_s = max(self.cancelled_at_s, self.last_exclusion_s)
        return nonces_of(
            self.placed_nonces,
            self.pending_nonces,
            self.cancelled_before,
            Cancellation(self.cancelled_nonce, over_s + receipt_window_s + 1),
            self.head_timestamp_s,
        )


def balance_insufficient(
    account: int, state: AccountState, needed_micro: int
) -> BalanceInsufficient:
    """The refusal that states the account, what is available and what is needed."""
    return BalanceInsufficient(
        f"Account {account} has {tokens(state.available_micro)} available, but"
        f" {tokens(needed_micro)} is needed. Deposit more, or wait for reserved funds to be"
        " released.",
        account=account,
        balance_micro=str(state.balance_micro),
        reserved_micro=str(state.reserved_micro),
        available_micro=str(state.available_micro),
        needed_micro=str(needed_micro),
    )
