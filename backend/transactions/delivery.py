"""Delivers one sender's transactions: sends, resends, raises fees, and follows receipts until they
are deep enough. Does not care what is in them.

The process may be killed at any line: what is signed is written down before it is sent, and the
next step follows from the rows and the chain alone. No SQL transaction is open while the node is
asked.
"""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog
from sqlalchemy import Engine

from backend.transactions import store
from backend.transactions.decide import Found, Step, View, off_chain_step, on_chain_step
from backend.transactions.errors import (
    FeeCapExceeded,
    FundsInsufficient,
    GasLimitRefused,
    NodeUnreachable,
    ReplacementUnderpriced,
    SenderRefused,
    TransactionRefused,
    Underpriced,
)
from backend.transactions.fee_offer import Fees, bumped_fees, first_fees, outbids, within_fee_cap
from backend.transactions.gas import FEE_CAP_GAS_MIN, learnt_cap
from backend.transactions.locks import held
from backend.transactions.node import Head, Node
from backend.transactions.node_errors import fee_cap_wei
from backend.transactions.signer import EMPTY_TRANSFER_GAS, TransactionSigner, empty_transfer
from backend.transactions.store import Attempt, Standing
from backend.transactions.tables import TransactionStatus

log = structlog.get_logger(__name__)

HOUR_S = 3_600
GWEI = 10**9

_MAX_PRICE_STEPS = 5


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """How deep a receipt must be, when a transaction counts as stuck, the maximum price of a unit
    of gas in wei, and what all transactions may pay in any hour; None is without a limit."""

    confirmations: int
    bump_after_s: int
    fee_cap_wei: int
    fees_per_hour_wei: int | None = None


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
        # What keeps a transaction from the node, and was logged.
        self._faults: dict[uuid.UUID, str] = {}

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
            self._resend(standing, head) if standing.attempts else self._attempt(standing, head)
        elif step is Step.ATTEMPT:
            self._attempt(standing, head)
        elif step is Step.BUMP:
            return self._bump(standing, head)
        else:
            return self._resend(standing, head)
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
                int(self._now()),
            )
            self._faults.pop(standing.id, None)
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
        self._check_time(standing, head)
        fees = self._price(standing, head)
        if fees is None:
            raise self._blocked("transaction.fee_cap_reached", standing, **self._cap_facts(head))
        self._send(self._signed(standing, fees), head)

    def _bump(self, standing: Standing, head: Head) -> str:
        fees = self._price(standing, head)
        if fees is None or fees == standing.attempts[-1].fees:
            if fees is None:
                self._note("transaction.fee_cap_reached", standing, **self._cap_facts(head))
            return self._resend(standing, head)
        self._send(self._signed(standing, fees), head)
        log.info("transaction.bumped", max_fee_wei=fees.max_fee_wei, **_names(standing))
        return Step.BUMP

    def _resend(self, standing: Standing, head: Head) -> str:
        """Send the last attempt again when the node does not have it; one that no node took at the
        price of now, when that is lower."""
        last = standing.attempts[-1]
        if self._node.knows(last.hash):
            if standing.status is not TransactionStatus.SENT or not last.taken:
                store.mark_sent(self._engine, standing)
            return Step.NOTHING
        self._check_time(standing, head)
        if standing.rival is None:
            fees = self._price(standing, head)
            if fees is not None and last.fees.max_fee_wei > fees.max_fee_wei:
                standing = self._signed(standing, fees)
        self._send(standing, head)
        return Step.RESEND

    def _check_time(self, standing: Standing, head: Head) -> None:
        """Raise for a transaction that no node has, when it would have no effect in the next block:
        a reorg has set the chain's clock back, or it had to wait for too long. Then its nonce is
        given away, and what was in it is sent in another way."""
        if standing.too_late(head.timestamp_s):
            log.warning("transaction.too_late", until_s=standing.valid_until_s, **_names(standing))
            store.mark_cancelled(self._engine, standing)
            raise _NotAccepted
        if standing.too_early(head.timestamp_s):
            raise self._blocked("transaction.too_early", standing, from_s=standing.valid_from_s)

    def _price(self, standing: Standing, head: Head) -> Fees | None:
        """The offer of the next attempt: what the chain asks now, more than the last attempt that a
        node took and still has, and within the caps; None when there is no such offer."""
        cap = self._policy.fee_cap_wei
        tip = self._node.tip_wei()
        fees: Fees | None = first_fees(head.base_fee_wei, tip, cap)
        rival = standing.rival
        if rival is not None:
            fees = bumped_fees(rival.fees, head.base_fee_wei, tip, cap)
            if fees is None and not self._node.knows(rival.hash):
                rival, fees = None, first_fees(head.base_fee_wei, tip, cap)
        if fees is None:
            return None
        gas = EMPTY_TRANSFER_GAS if standing.cancelled else standing.payload.gas_limit
        fees = within_fee_cap(fees, gas, standing.fee_cap_wei, head.base_fee_wei)
        if fees is None or (rival is not None and not outbids(fees, rival.fees)):
            return None
        return fees

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

    def _send(self, standing: Standing, head: Head) -> None:
        """Send the last attempt; when its price is refused, sign another one at once."""
        for _ in range(_MAX_PRICE_STEPS):
            self._check_budget(standing)
            try:
                self._node.send(standing.attempts[-1].raw)
            except (FeeCapExceeded, Underpriced) as error:
                standing = self._repriced(standing, error, head)
            except FundsInsufficient as error:
                fund = {"fund": self._signer.address, "reason": str(error)}
                raise self._blocked("transaction.funds_insufficient", standing, **fund) from error
            except SenderRefused as error:
                reason = {"sender": self._signer.address, "reason": str(error)}
                raise self._blocked("transaction.sender_refused", standing, **reason) from error
            except TransactionRefused as error:
                raise self._given_up(standing, error) from error
            else:
                if self._faults.pop(standing.id, None) is not None:
                    log.info("transaction.unblocked", **_names(standing))
                if standing.status is not TransactionStatus.SENT:
                    log.info("transaction.sent", **_names(standing))
                store.mark_sent(self._engine, standing)
                return
        raise _NotAccepted

    def _repriced(
        self, standing: Standing, error: FeeCapExceeded | Underpriced, head: Head
    ) -> Standing:
        """The transaction with one more attempt, at a price that the node may take."""
        last = standing.attempts[-1]
        if isinstance(error, FeeCapExceeded):
            return self._below_fee_cap(standing, error, head)
        fees = None if isinstance(error, ReplacementUnderpriced) else self._price(standing, head)
        if fees is None or fees.max_fee_wei <= last.fees.max_fee_wei:
            highest = max((a.fees for a in standing.attempts), key=lambda fees: fees.max_fee_wei)
            cap, tip = self._policy.fee_cap_wei, self._node.tip_wei()
            fees = bumped_fees(highest, head.base_fee_wei, tip, cap)
        if fees is None:
            raise self._blocked("transaction.underpriced", standing, reason=str(error))
        return self._signed(standing, fees)

    def _below_fee_cap(self, standing: Standing, error: FeeCapExceeded, head: Head) -> Standing:
        """The transaction with an attempt that offers less. When that would not pay for the next
        block, it waits for lower prices, and after FEE_BUMP_AFTER_S gives its nonce away, so that
        what is in it is sent again in smaller transactions."""
        last = standing.attempts[-1]
        gas = EMPTY_TRANSFER_GAS if standing.cancelled else standing.payload.gas_limit
        cap = fee_cap_wei(str(error), gas * last.fees.max_fee_wei)
        store.mark_fee_refused(self._engine, standing, cap)
        standing = replace(standing, fee_cap_wei=cap)
        fees = self._price(standing, head)
        if fees is not None and fees != last.fees:
            return self._signed(standing, fees)
        waited_s = int(self._now()) - standing.attempts[0].created_s
        shrinks = gas > FEE_CAP_GAS_MIN and standing.rival is None
        if shrinks and waited_s >= self._policy.bump_after_s:
            log.warning("transaction.fee_too_high", fee_cap_wei=cap, **_names(standing))
            store.mark_cancelled(self._engine, standing)
            raise _NotAccepted
        raise self._blocked("transaction.fee_refused", standing, fee_cap_wei=cap, reason=str(error))

    def _given_up(self, standing: Standing, error: TransactionRefused) -> _NotAccepted:
        """Have the nonce of a payload that no node will take used by an empty transfer."""
        if standing.cancelled:
            # Not even the empty transfer: a person has to look at it.
            return self._blocked("transaction.refused", standing, reason=str(error))
        if isinstance(error, GasLimitRefused):
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
        else:
            log.error("transaction.refused", reason=str(error), **_names(standing))
            store.mark_cancelled(self._engine, standing)
        return _NotAccepted()

    def _check_budget(self, standing: Standing) -> None:
        """Raise unless the last attempt, at its highest, fits what is left of the hour's fees."""
        budget_wei = self._policy.fees_per_hour_wei
        if budget_wei is None:
            return
        last = standing.attempts[-1]
        gas = EMPTY_TRANSFER_GAS if last.cancels else standing.payload.gas_limit
        needed_wei = gas * last.fees.max_fee_wei
        committed_wei = store.fees_committed_wei(
            self._engine,
            self._node.chain_id,
            self._signer.address,
            int(self._now()) - HOUR_S,
            standing.id,
        )
        if committed_wei + needed_wei > budget_wei:
            raise self._blocked(
                "transaction.fee_budget_reached",
                standing,
                needed_gwei=needed_wei // GWEI,
                committed_gwei=committed_wei // GWEI,
                budget_gwei=budget_wei // GWEI,
                meaning="wait, or raise MAX_FEES_GWEI_PER_HOUR",
            )

    def _cap_facts(self, head: Head) -> dict[str, object]:
        return {"cap_wei": self._policy.fee_cap_wei, "base_fee_wei": head.base_fee_wei}

    def _blocked(self, event: str, standing: Standing, **facts: object) -> _NotAccepted:
        """Log why a transaction waits."""
        self._note(event, standing, **facts)
        return _NotAccepted()

    def _note(self, event: str, standing: Standing, **facts: object) -> None:
        """Log a lasting fault of a transaction once, until it becomes another one or ends."""
        if self._faults.get(standing.id) != event:
            self._faults = {standing.id: event}
            log.warning(event, **facts, **_names(standing))


def _names(standing: Standing) -> dict[str, object]:
    return {
        "transaction": str(standing.id),
        "kind": str(standing.kind),
        "nonce": standing.nonce,
        "hash": "0x" + standing.attempts[-1].hash.hex() if standing.attempts else None,
    }
