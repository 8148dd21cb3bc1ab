"""Keeps an account's nonces, its exclusion and its cancellation, as the sportsbook would."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

from protocol.placed_event import SkipReason
from tests.support.terms import RECEIPT_WINDOW_S

WINDOW = 8


@dataclass
class AccountModel:
    """One bettor's account; `used` are the nonces that were used, or given up by a cancellation."""

    balance: int
    used: set[int] = field(default_factory=lambda: {0})
    excluded_from_s: int = 0
    excluded_until_s: int = 0
    excluded_before_s: int = 0
    cancelled_at_s: int = 0
    cancelled_nonce: int = 0
    cancelled_before: int = 0
    is_restricted: bool = False

    # -- Nonces

    @property
    def nonce(self) -> int:
        return max(self.used)

    @property
    def window(self) -> int:
        """As accountAt has it: bit i stands for nonce - 1 - i; those below 1 count as used."""
        below = [self.nonce - 1 - i for i in range(WINDOW)]
        return sum(1 << i for i, nonce in enumerate(below) if nonce < 1 or nonce in self.used)

    def is_used(self, nonce: int) -> bool:
        return nonce in self.used or nonce < self.nonce - WINDOW

    def is_too_far(self, nonce: int) -> bool:
        """Whether some nonce that is still open would be 9 or more below it."""
        still = range(max(1, self.nonce - WINDOW), nonce - WINDOW)
        return any(lower not in self.used for lower in still)

    def is_usable(self, nonce: int) -> bool:
        return not self.is_used(nonce) and not self.is_too_far(nonce)

    def use(self, nonce: int) -> None:
        self.used.add(nonce)

    def use_to(self, nonce: int) -> None:
        """All nonces up to this one are used."""
        lowest = max(0, max(nonce, self.nonce) - WINDOW)
        self.used.update(range(lowest, nonce + 1))

    # -- What its owner ruled out

    def refusal(self, nonce: int, accepted_at_s: int) -> SkipReason | None:
        """Why a slip is ruled out that was accepted at this time."""
        if not self.is_restricted:
            return None
        if (
            accepted_at_s < self.excluded_before_s
            or self.excluded_from_s <= accepted_at_s < self.excluded_until_s
        ):
            return SkipReason.EXCLUDED
        if nonce <= self.cancelled_before or (
            nonce <= self.cancelled_nonce and accepted_at_s >= self.cancelled_at_s
        ):
            return SkipReason.NONCE_CANCELLED
        return None

    def lift(self, now_s: int) -> None:
        """Forget what can no longer rule out a slip."""
        over_s = now_s - RECEIPT_WINDOW_S
        if not self.is_restricted or max(self.excluded_until_s, self.cancelled_at_s) >= over_s:
            return
        if self.cancelled_nonce:
            self.use_to(self.cancelled_nonce)
        self.is_restricted = False

    def lifted(self, now_s: int) -> AccountModel:
        """The account as a slip finds it."""
        found = copy.deepcopy(self)
        found.lift(now_s)
        return found

    def exclude(self, until_s: int, now_s: int) -> str | None:
        """Exclude the account; the error when it is refused."""
        least_s = max(now_s + RECEIPT_WINDOW_S, self.excluded_until_s + 1)
        if until_s < least_s:
            return "ExclusionTooShort"
        if self.excluded_until_s <= now_s:
            self.excluded_before_s, self.excluded_from_s = self.excluded_until_s, now_s
        self.excluded_until_s = until_s
        self.is_restricted = True
        return None

    def cancel(self, last: int, now_s: int) -> str | None:
        """Cancel nonces up to `last`; the error when it is refused."""
        if now_s < self.cancelled_at_s + RECEIPT_WINDOW_S:
            return "CancellationPending"
        held = copy.deepcopy(self)
        if held.cancelled_nonce:
            held.use_to(held.cancelled_nonce)
        if last > held.nonce + WINDOW + 1:
            return "NonceTooFar"
        self.used = held.used
        self.cancelled_before = max(self.cancelled_before, self.cancelled_nonce)
        self.cancelled_at_s, self.cancelled_nonce = now_s, last
        self.is_restricted = True
        return None

    def deposit(self, amount: int, now_s: int) -> str | None:
        """Add to the balance; the error when it is refused."""
        if self.is_restricted and now_s < self.excluded_until_s:
            return "AccountExcluded"
        self.lift(now_s)
        self.balance += amount
        return None
