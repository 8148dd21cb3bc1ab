"""Owns what to do next about one transaction; pure: it is handed what the chain shows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from backend.transactions.node import Receipt
from backend.transactions.store import Attempt, Standing
from backend.transactions.tables import TransactionStatus


class Step(StrEnum):
    """What to do about a transaction."""

    NOTHING = "nothing"
    RETURN = "return"
    ATTEMPT = "attempt"
    BUMP = "bump"
    RESEND = "resend"
    INCLUDE = "include"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class View:
    """The chain as it stands: the head, and the number of the sender's transactions on it."""

    head: int
    mined_nonce: int
    confirmations: int

    def confirms(self, block: int) -> bool:
        """Whether a transaction of that block is deep enough."""
        return self.head - block >= self.confirmations


@dataclass(frozen=True, slots=True)
class Found:
    """The attempt that the chain took."""

    attempt: Attempt
    receipt: Receipt


def off_chain_step(standing: Standing, view: View, now_s: int, bump_after_s: int) -> Step:
    """What to do about a transaction whose nonce the chain still expects.

    Only the one that the chain expects next is bumped: those behind it wait for it, not for fees.
    """
    if not standing.waiting:
        return Step.RETURN
    if not standing.attempts or standing.cancelled != standing.attempts[-1].cancels:
        return Step.ATTEMPT
    stuck = now_s - standing.attempts[-1].created_s >= bump_after_s
    if stuck and standing.nonce == view.mined_nonce:
        return Step.BUMP
    return Step.RESEND


def on_chain_step(standing: Standing, view: View, found: Found | None, final_nonce: int) -> Step:
    """What to do about a transaction whose nonce is used up on the chain; `final_nonce` is the
    number of the sender's transactions that no reorg can take back."""
    if found is None:
        if standing.nonce < final_nonce and standing.status is not TransactionStatus.REPLACED:
            return Step.REPLACE
        return Step.NOTHING
    unchanged = (
        not standing.waiting
        and standing.block_hash == found.receipt.block_hash
        and standing.confirmed == view.confirms(found.receipt.block)
    )
    return Step.NOTHING if unchanged else Step.INCLUDE
