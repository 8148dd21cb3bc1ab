"""Finds which nonces of an account can be used; pure.

The rules are those of contracts/libraries/Accounts.sol. Every nonce counts once. A nonce that would
push an unused one out of the contract's window is too far: so slips can be placed in any order, and
none makes another invalid.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from protocol.limits import NONCE_WINDOW


@dataclass(frozen=True, slots=True)
class Cancellation:
    """The account's last cancellation: no slip with a nonce up to `last` is accepted any more. The
    contract counts them as used from `lifted_at_s` on, when no slip is left that was accepted
    before."""

    last: int
    lifted_at_s: int


@dataclass(frozen=True, slots=True)
class Nonces:
    """The nonces of an account: all below `lowest_unused` are used, of the others those in `used`;
    `pending` are committed to slips."""

    lowest_unused: int
    used: frozenset[int]
    pending: frozenset[int]
    cancellation: Cancellation

    @property
    def latest(self) -> int:
        """The highest nonce that pushes no unused one out of the window."""
        return self.lowest_unused + NONCE_WINDOW

    @property
    def next(self) -> int:
        """The lowest nonce that a slip can be accepted with, or could be if it were not too far."""
        nonce = max(self.lowest_unused, self.cancellation.last + 1)
        while nonce in self.used or nonce in self.pending:
            nonce += 1
        return nonce

    def is_used(self, nonce: int) -> bool:
        """Whether a bet has the nonce, or a slip that can still become one."""
        return nonce < self.lowest_unused or nonce in self.used or nonce in self.pending


def nonces_of(
    placed: Iterable[int],
    pending: Iterable[int],
    cancelled_before: int,
    cancellation: Cancellation,
    now_s: int,
) -> Nonces:
    """The account's nonces at `now_s`. `placed` are the nonces of its bets, at least the highest
    and those of the window below it, and `cancelled_before` is up to where earlier cancellations
    went: a later one counts those as used."""
    used = frozenset(placed)
    lowest = max(1, max(used, default=0) - NONCE_WINDOW, cancelled_before + 1)
    if cancellation.lifted_at_s <= now_s:
        lowest = max(lowest, cancellation.last + 1)
    while lowest in used:
        lowest += 1
    return Nonces(
        lowest_unused=lowest,
        used=frozenset(nonce for nonce in used if nonce > lowest),
        pending=frozenset(pending),
        cancellation=cancellation,
    )
