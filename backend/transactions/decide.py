"""Decides the next step for one transaction from its row and what the chain shows; pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from backend.transactions.node import Receipt
from backend.transactions.store import Attempt, Standing
from backend.transactions.tables import TransactionStatus


class Step(StrEnum):
    """The next step for a transaction."""

    NOTHING = "nothing"
    RETURN = "return"
    ATTEMPT = "attempt"
    BUMP = "bump"
    RESEND = "resend"
    INCLUDE = "include"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class View:
    """The chain's head, and the number of the sender's transactions on it."""

    head: int
    mined_nonce: int
    confirmations: int

    def confirms(self, block: int) -> bool:
        """Whether a transaction in that block is deep enough."""
        return self.head - block >= self.confirmations


@dataclass(frozen=True, slots=True)
class Found:
    """The attempt that was mined."""

    attempt: Attempt
    receipt: Receipt


def off_chain_step(standing: Standing, view: View, now_s: int, bump_after_s: int) -> Step:
    """The next step for a transaction whose nonce is not used on the chain yet.

    Only the one with the next nonce gets a fee bump: the later ones wait for it, not for fees.
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
    """The next step for a transaction whose nonce is used on the chain; `final_nonce` is the number
    of the sender's transactions that no reorg can undo."""
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
