"""Finds which nonces of an account can be used; pure.

The rules are those of contracts/libraries/Accounts.sol.

Every nonce counts once. A nonce that would push an unused one out of the contract's window is too
far: so slips can be placed in any order, and none makes another invalid.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from protocol.limits import NONCE_WINDOW


@dataclass(frozen=True, slots=True)
class Cancellation:
    """The account's last cancellation: nonces up to `last` do not count if they were accepted from
    `cancelled_at_s` on. It becomes part of the account's nonces once it is a receipt's window old,
    and so is the last exclusion, which ended at `excluded_until_s` (0: there was none)."""

    last: int
    cancelled_at_s: int
    excluded_until_s: int


@dataclass(frozen=True, slots=True)
class ChainNonces:
    """An account's nonces as the contract has them: the highest used, bit i of `window` set if
    nonce `highest - 1 - i` was used, and the last cancellation."""

    highest: int
    window: int
    cancellation: Cancellation | None = None


NEW_ACCOUNT = ChainNonces(0, 2**NONCE_WINDOW - 1)


@dataclass(frozen=True, slots=True)
class Nonces:
    """The nonces of an account: all below `lowest_unused` are used, of the others those in `used`;
    `pending` are promised to slips. Nonces up to `cancelled` cannot be accepted; `lifted_at_s` is
    when the contract counts those as used, 0 without a cancellation."""

    lowest_unused: int
    used: frozenset[int]
    pending: frozenset[int]
    cancelled: int = 0
    lifted_at_s: int = 0

    @property
    def latest(self) -> int:
        """The highest nonce that leaves no unused one behind the window."""
        return self.lowest_unused + NONCE_WINDOW

    @property
    def next(self) -> int:
        """The lowest nonce that a slip can be accepted with, or could be if it were not too far."""
        nonce = max(self.lowest_unused, self.cancelled + 1)
        while nonce in self.used or nonce in self.pending:
            nonce += 1
        return nonce

    def is_used(self, nonce: int) -> bool:
        """Whether a bet has the nonce, or a slip that can still become one."""
        return nonce < self.lowest_unused or nonce in self.used or nonce in self.pending


def nonces_of(
    chain: ChainNonces,
    placed: Iterable[int],
    pending: Iterable[int],
    now_s: int,
    receipt_window_s: int,
) -> Nonces:
    """The account's nonces at `now_s`: what the contract had when it was asked, and the nonces of
    bets that the mirror shows."""
    placed = set(placed)
    used = _used(chain) | placed
    # The window's last nonce: all before it are used.
    lowest = max(1, max(chain.highest, *placed, 0) - NONCE_WINDOW)
    cancelled = lifted_at_s = 0
    if (cancellation := chain.cancellation) is not None:
        over_s = max(cancellation.cancelled_at_s, cancellation.excluded_until_s)
        cancelled, lifted_at_s = cancellation.last, over_s + receipt_window_s + 1
        if lifted_at_s <= now_s:
            lowest = max(lowest, cancelled + 1)
    while lowest in used:
        lowest += 1
    return Nonces(
        lowest_unused=lowest,
        used=frozenset(nonce for nonce in used if nonce > lowest),
        pending=frozenset(pending),
        cancelled=cancelled,
        lifted_at_s=lifted_at_s,
    )


def _used(chain: ChainNonces) -> set[int]:
    below = {chain.highest - 1 - bit for bit in range(NONCE_WINDOW) if chain.window >> bit & 1}
    return {nonce for nonce in below if nonce > 0} | {chain.highest}
