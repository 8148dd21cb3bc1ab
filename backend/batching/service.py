"""Turns waiting slips into prepared transactions, batches or single receipts; sends nothing itself.

Exactly once: slips are chosen under a lock, and written down with their transaction in one SQL
transaction. A process that dies before that leaves the slips waiting; one that dies after it leaves
a transaction that delivery picks up. A slip that is sent twice all the same counts once on the
chain, because of its nonce.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog
from sqlalchemy import Engine

from backend.batching.encode import encode_batch
from backend.batching.policy import (
    BatchPolicy,
    HoldReason,
    WaitingSlip,
    batch_gas,
    plan,
    receipt_gas,
    sort_out,
)
from backend.batching.tables import Submission
from backend.batching.waiting import tries, waiting_slips
from backend.deployment import Deployment
from backend.errors import FatalError
from backend.log_limit import LogLimit
from backend.mirror.deployment import read_mirror
from backend.transactions.errors import CallReverted
from backend.transactions.locks import held as lock_held
from backend.transactions.node import Call, Node, chain_clock_s
from backend.transactions.outbox import Contents, Outbox
from backend.transactions.tables import TransactionKind
from protocol.calls import encode_call
from protocol.roles import Role
from protocol.signatures import pair

log = structlog.get_logger(__name__)

MAX_SLIPS_PER_FLUSH = 2_000
# Each is a transaction of its own. The next flush, seconds later, has the next ones.
MAX_RECEIPTS_PER_FLUSH = 50

# These errors are about the call, not about a slip in it.
NOT_OPERATOR = "NotOperator"
CALL_ERRORS = frozenset({NOT_OPERATOR, "PlacingIsPaused"})
RECEIPT_INVALID = "ReceiptInvalid"

# The part of BATCH_WINDOW that is kept for a batch to be mined.
_MINING_PART = 4


@dataclass(frozen=True, slots=True)
class Flushed:
    """What a flush did: batches prepared, slips in them, slips to be placed by their receipts,
    slips held back, slips that revert."""

    batches: int = 0
    slips: int = 0
    enforced: int = 0
    held: int = 0
    reverted: int = 0

    @property
    def idle(self) -> bool:
        """Whether there was nothing to do."""
        return not (self.slips or self.enforced or self.reverted)


class OperatorUnknown(FatalError):
    """The sportsbook does not accept batches of our key."""


@dataclass(frozen=True, slots=True)
class PlacingWindows:
    """How long before its block, in seconds, a slip may have been accepted: in a batch, and with
    its receipt."""

    batch_s: int
    receipt_s: int


class Batcher:
    """Prepares batches of one operator for one deployment. What waited too long for a batch,
    because the node was away, it places by its receipt until the match starts."""

    def __init__(
        self,
        engine: Engine,
        node: Node,
        deployment: Deployment,
        operator: str,
        policy: BatchPolicy,
        windows: PlacingWindows,
    ) -> None:
        self._engine = engine
        self._node = node
        self._deployment = deployment
        self._policy = policy
        self._windows = windows
        self._operator = operator
        # A slip that its receipt cannot place is tried again until its window ends.
        self._limit = LogLimit()
        self._outbox = Outbox(engine, node, operator, policy.max_gas)
        self._batches = Contents(TransactionKind.PLACE, self._dedupe_key, _submissions)
        self._receipts = Contents(TransactionKind.ENFORCE, self._dedupe_key, _submissions)

    def flush(self, now_s: int) -> Flushed:
        """Prepare the batches that the policy releases at `now_s`, and the receipts of slips that
        are too old for one.

        Raises LockBusy, NodeUnreachable or MirrorMissing (try again later), OperatorUnknown when
        our key is no operator's, and CallReverted when placing is paused. Receipts are prepared
        before either, since neither keeps them from being enforced.
        """
        name = f"flush:{self._deployment.chain_id}:{self._deployment.sportsbook}"
        with lock_held(self._engine, name):
            mirror = read_mirror(self._engine, self._deployment)
            slips = waiting_slips(
                self._engine,
                mirror,
                self._deployment.slip_domain,
                now_s,
                self._windows.receipt_s,
                MAX_SLIPS_PER_FLUSH,
            )
            if not slips:
                return Flushed()
            head = self._node.head()
            batch_s = self._windows.batch_s
            found = sort_out(
                slips,
                chain_clock_s(head.timestamp_s, now_s),
                max(head.timestamp_s, now_s) + batch_s // _MINING_PART,
                batch_s,
            )
            for slip, reason in found.held.items():
                if reason is HoldReason.NOT_ENCODABLE:
                    log.error("slip.not_encodable", slip=str(slip), reason=str(reason))
            flushed = Flushed(held=len(found.held))
            gas_cap = self._outbox.gas_cap(head, now_s)
            for late in found.by_receipt[:MAX_RECEIPTS_PER_FLUSH]:
                flushed = self._flush_receipt(late, gas_cap, now_s, flushed)
            for batch in plan(found.for_batch, now_s, replace(self._policy, max_gas=gas_cap)):
                flushed = self._flush_batch(batch, gas_cap, now_s, flushed)
            return flushed

    def _flush_receipt(
        self, slip: WaitingSlip, gas_cap: int, now_s: int, so_far: Flushed
    ) -> Flushed:
        def build(slips: Sequence[WaitingSlip]) -> Call:
            return Call(
                to_address=self._deployment.sportsbook,
                data=encode_call(
                    "Sportsbook", "enforce", encode_batch(slips), pair(slip.receipt_signature)
                ),
                gas_limit=min(receipt_gas(slip), gas_cap),
                valid_from_s=slip.accepted_at_s,
                valid_until_s=min(slip.accepted_at_s + self._windows.receipt_s, slip.starts_at_s),
            )

        simulation = self._outbox.simulate([slip], build)
        for entry in simulation.reverting:
            reason = _why(entry.error)
            if self._limit.allows(str(slip.id), reason, time.monotonic()):
                log.error("slip.not_enforceable", slip=str(slip.id), reason=reason)
        self._outbox.write(simulation.passing, self._receipts, now_s)
        return replace(
            so_far,
            enforced=so_far.enforced + len(simulation.passing),
            reverted=so_far.reverted + len(simulation.reverting),
        )

    def _flush_batch(
        self, batch: Sequence[WaitingSlip], gas_cap: int, now_s: int, so_far: Flushed
    ) -> Flushed:
        def build(slips: Sequence[WaitingSlip]) -> Call:
            return Call(
                to_address=self._deployment.sportsbook,
                data=encode_call("Sportsbook", "placeBatch", encode_batch(slips)),
                gas_limit=min(batch_gas(slips), gas_cap),
                # Of the youngest slip: until then some of them can be placed.
                valid_from_s=(youngest_s := max(slip.accepted_at_s for slip in slips)),
                valid_until_s=youngest_s + self._windows.batch_s,
            )

        try:
            simulation = self._outbox.simulate(batch, build, CALL_ERRORS)
        except CallReverted as error:
            if error.error != NOT_OPERATOR:
                raise
            raise OperatorUnknown(
                f"OPERATOR_KEY is the key of {self._operator}, which has not the role Operator on"
                " the sportsbook now: its owner must call grantKey for it with role Operator"
                f" ({Role.OPERATOR:d}), which counts NOTICE later, or OPERATOR_KEY is the wrong key"
            ) from error
        for entry in simulation.reverting:
            log.error("slip.reverts", slip=str(entry.item.id), reason=str(entry.error))
        self._outbox.write(simulation.passing, self._batches, now_s)
        return replace(
            so_far,
            batches=so_far.batches + len(simulation.passing),
            slips=so_far.slips + sum(len(group.items) for group in simulation.passing),
            reverted=so_far.reverted + len(simulation.reverting),
        )

    def _dedupe_key(self, slips: Sequence[WaitingSlip]) -> str:
        """The first slip, and how often it was sent before: a later attempt is another batch."""
        first = slips[0]
        with self._engine.connect() as connection:
            return f"place:{first.id}:{tries(connection, first.id)}"


def _why(error: CallReverted) -> str:
    if error.error != RECEIPT_INVALID:
        return str(error)
    return (
        f"{error}: the key that signed the receipt had not the role Receipts ({Role.RECEIPTS:d}) at"
        " the time of acceptance; RECEIPT_SIGNER_KEY of the API must be a key that the sportsbook's"
        " owner gave it by grantKey"
    )


def _submissions(slips: Sequence[WaitingSlip], transaction: uuid.UUID) -> list[Submission]:
    return [Submission(slip=slip.id, transaction=transaction) for slip in slips]
