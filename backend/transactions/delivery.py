"""Delivers one sender's transactions: sends, resends, raises fees, and follows receipts until they
are deep enough. Does not care what is in them.

The process may be killed at any line: what is signed is written down before it is sent, and the
next step follows from the rows and the chain alone. No SQL transaction is open while the node is
asked.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog
from sqlalchemy import Engine

from backend.transactions import store
from backend.transactions.decide import Found, Step, View, off_chain_step, on_chain_step
from backend.transactions.errors import (
    FundsInsufficient,
    GasLimitRefused,
    NodeUnreachable,
    TransactionRefused,
    Underpriced,
)
from backend.transactions.fees import Fees, bumped_fees, first_fees
from backend.transactions.gas import learnt_cap
from backend.transactions.locks import held
from backend.transactions.node import Head, Node
from backend.transactions.signer import TransactionSigner, empty_transfer
from backend.transactions.store import Attempt, Standing
from backend.transactions.tables import TransactionStatus

log = structlog.get_logger(__name__)

_MAX_PRICE_STEPS = 5


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """How deep a receipt must be, when a transaction counts as stuck, and the maximum price of a
    unit of gas in wei."""

    confirmations: int
    bump_after_s: int
    fee_cap_wei: int


class _NotAccepted(Exception):
    """The node did not accept a transaction; the reason is logged."""


class Delivery:
    """Delivers the transactions of one key."""

    def __init__(
        self,
        engine: Engine,
        node: Node,
        signer: TransactionSigner,
        policy: DeliveryPolicy,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._node = node
        self._signer = signer
        self._policy = policy
        self._now = now

    def pump(self) -> dict[str, int]:
        """Take the next step of every open transaction. Returns the number of each kind of step.

        Raises LockBusy when another process is delivering, and NodeUnreachable; either way the next
        call resumes where this one stopped.
        """
        address = self._signer.address
        with held(self._engine, f"deliver:{self._node.chain_id}:{address}"):
            head = self._node.head()
            view = View(
                head=head.number,
                mined_nonce=self._node.nonce(address, head.number),
                confirmations=self._policy.confirmations,
            )
            done: Counter[str] = Counter()
            rows = store.unsettled(self._engine, self._node.chain_id, address, view.mined_nonce)
            for standing in rows:
                try:
                    done[self._advance(standing, view, head)] += 1
                except _NotAccepted:
                    # Later nonces cannot be mined before it.
                    break
        del done[Step.NOTHING]
        return dict(done)

    def _advance(self, standing: Standing, view: View, head: Head) -> str:
        if standing.nonce < view.mined_nonce:
            return self._follow(standing, view)
        step = off_chain_step(standing, view, int(self._now()), self._policy.bump_after_s)
        if step is Step.RETURN:
            log.warning("transaction.returned", **_names(standing))
            store.mark_returned(self._engine, standing)
            # At once, because later nonces wait for it.
            self._resend(standing) if standing.attempts else self._attempt(standing, head)
        elif step is Step.ATTEMPT:
            self._attempt(standing, head)
        elif step is Step.BUMP:
            return self._bump(standing, head)
        else:
            return self._resend(standing)
        return step

    def _follow(self, standing: Standing, view: View) -> str:
        found = self._find(standing)
        final_nonce = 0 if found else self._final_nonce(view)
        step = on_chain_step(standing, view, found, final_nonce)
        if step is Step.INCLUDE and found is not None:
            status = store.mark_included(
                self._engine,
                standing,
                found.attempt,
                found.receipt,
                view.confirms(found.receipt.block),
            )
            if standing.waiting:
                facts = {
                    "block": found.receipt.block,
                    "gas_used": found.receipt.gas_used,
                    **_names(standing),
                }
                if status is TransactionStatus.REPLACED:
                    log.info("transaction.cancelled", **facts)
                else:
                    log.info(f"transaction.{status}", **facts)
        elif step is Step.REPLACE:
            store.mark_replaced(self._engine, standing)
            log.error(
                "transaction.replaced",
                meaning="another program used this key; give each key one owner",
                **_names(standing),
            )
        return step

    def _final_nonce(self, view: View) -> int:
        """The number of the sender's transactions up to the block that counts as final; 0 when the
        node does not have that state (it was restarted, or keeps little history)."""
        block = max(0, view.head - view.confirmations)
        try:
            return self._node.nonce(self._signer.address, block)
        except NodeUnreachable as error:
            log.warning("transaction.old_state_missing", block=block, reason=str(error))
            return 0

    def _find(self, standing: Standing) -> Found | None:
        for attempt in reversed(standing.attempts):
            receipt = self._node.receipt(attempt.hash)
            if receipt is not None:
                return Found(attempt, receipt)
        return None

    def _attempt(self, standing: Standing, head: Head) -> None:
        """The first attempt of a payload, or of the empty transfer that replaces it."""
        cap = self._policy.fee_cap_wei
        tip = self._node.tip_wei()
        fees: Fees | None = first_fees(head.base_fee_wei, tip, cap)
        if standing.attempts:
            fees = bumped_fees(standing.attempts[-1].fees, head.base_fee_wei, tip, cap)
        if fees is None:
            log.error("transaction.fee_cap_reached", cap_wei=cap, **_names(standing))
            raise _NotAccepted
        self._send(self._signed(standing, fees), head)

    def _bump(self, standing: Standing, head: Head) -> str:
        last = standing.attempts[-1]
        cap = self._policy.fee_cap_wei
        fees = bumped_fees(last.fees, head.base_fee_wei, self._node.tip_wei(), cap)
        if fees is None:
            log.warning("transaction.fee_cap_reached", cap_wei=cap, **_names(standing))
            return self._resend(standing)
        self._send(self._signed(standing, fees), head)
        log.info("transaction.bumped", max_fee_wei=fees.max_fee_wei, **_names(standing))
        return Step.BUMP

    def _resend(self, standing: Standing) -> str:
        """Send the last attempt again when the node does not have it."""
        if self._node.knows(standing.attempts[-1].hash):
            if standing.status is not TransactionStatus.SENT:
                store.mark_sent(self._engine, standing)
            return Step.NOTHING
        self._send(standing, None)
        return Step.RESEND

    def _signed(self, standing: Standing, fees: Fees) -> Standing:
        """Sign one more attempt and write it down."""
        payload = standing.payload
        if standing.cancelled:
            payload = empty_transfer(payload, self._signer.address)
        signed = self._signer.sign(payload, fees)
        now_s = int(self._now())
        store.add_attempt(self._engine, standing, signed, fees, standing.cancelled, now_s)
        attempt = Attempt(
            len(standing.attempts), signed.hash, signed.raw, fees, standing.cancelled, now_s
        )
        return replace(standing, attempts=(*standing.attempts, attempt))

    def _send(self, standing: Standing, head: Head | None) -> None:
        """Send the last attempt; when its price is refused, sign a higher one at once."""
        for _ in range(_MAX_PRICE_STEPS):
            try:
                self._node.send(standing.attempts[-1].raw)
            except Underpriced as error:
                head = head or self._node.head()
                fees = bumped_fees(
                    standing.attempts[-1].fees,
                    head.base_fee_wei,
                    self._node.tip_wei(),
                    self._policy.fee_cap_wei,
                )
                if fees is None:
                    log.warning("transaction.underpriced", reason=str(error), **_names(standing))
                    raise _NotAccepted from error
                standing = self._signed(standing, fees)
            except FundsInsufficient as error:
                log.error(
                    "transaction.funds_insufficient",
                    fund=self._signer.address,
                    reason=str(error),
                    **_names(standing),
                )
                raise _NotAccepted from error
            except GasLimitRefused as error:
                asked = standing.payload.gas_limit
                cap = learnt_cap(str(error), asked)
                log.error(
                    "transaction.gas_limit_refused",
                    gas_limit=asked,
                    next_gas_limit=cap,
                    meaning="set MAX_TRANSACTION_GAS to the chain's cap",
                    reason=str(error),
                    **_names(standing),
                )
                store.mark_cancelled(self._engine, standing, cap)
                raise _NotAccepted from error
            except TransactionRefused as error:
                log.error("transaction.refused", reason=str(error), **_names(standing))
                store.mark_cancelled(self._engine, standing)
                raise _NotAccepted from error
            else:
                if standing.status is not TransactionStatus.SENT:
                    log.info("transaction.sent", **_names(standing))
                store.mark_sent(self._engine, standing)
                return
        raise _NotAccepted


def _names(standing: Standing) -> dict[str, object]:
    return {
        "transaction": str(standing.id),
        "kind": str(standing.kind),
        "nonce": standing.nonce,
        "hash": "0x" + standing.attempts[-1].hash.hex() if standing.attempts else None,
    }
