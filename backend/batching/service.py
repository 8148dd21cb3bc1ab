"""Turns waiting slips into prepared transactions; sends nothing itself.

Exactly once: slips are chosen under a lock, and written down with their transaction in one SQL
transaction. A process that dies before that leaves the slips waiting; one that dies after it leaves
a transaction that delivery picks up. A slip that is sent twice all the same counts once on the
chain, because of its nonce.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Engine

from backend.batching.encode import encode_batch
from backend.batching.policy import BatchPolicy, HoldReason, WaitingSlip, plan, ready
from backend.batching.tables import Submission
from backend.batching.waiting import tries, waiting_slips
from backend.deployment import Deployment
from backend.mirror.deployment import read_mirror
from backend.transactions.locks import held as lock_held
from backend.transactions.node import Call, Head, Node, chain_clock_s
from backend.transactions.outbox import Contents, Outbox
from backend.transactions.tables import TransactionKind
from protocol.calls import encode_call
from protocol.limits import CONTRACT_SIGNATURE_GAS

log = structlog.get_logger(__name__)

MAX_SLIPS_PER_FLUSH = 2_000

# These errors are about the call, not about a slip in it.
CALL_ERRORS = frozenset({"NotOperator", "PlacingIsPaused"})

# Upper bounds: every market and account touched for the first time, call data and event included. A
# wallet's signature check needs its whole allowance (CONTRACT_SIGNATURE_GAS, and the 64th that
# EIP-150 keeps back): with less it would silently count as a wrong signature.
_GAS_PER_BATCH = 150_000
_GAS_PER_MARKET = 35_000
_GAS_PER_SLIP = 25_000
_GAS_PER_LEG = 6_000
# A call passes on at most 63/64 of the remaining gas (EIP-150), and reaching the wallet
# costs some 2,600: together less than a twentieth.
_GAS_PER_CONTRACT_SIGNATURE = CONTRACT_SIGNATURE_GAS + CONTRACT_SIGNATURE_GAS // 20


@dataclass(frozen=True, slots=True)
class Flushed:
    """What a flush did: batches prepared, slips in them, slips held back, slips that revert."""

    batches: int = 0
    slips: int = 0
    held: int = 0
    reverted: int = 0

    @property
    def idle(self) -> bool:
        """Whether there was nothing to do."""
        return not (self.slips or self.reverted)


class Batcher:
    """Prepares batches of one operator for one deployment."""

    def __init__(
        self,
        engine: Engine,
        node: Node,
        deployment: Deployment,
        operator: str,
        policy: BatchPolicy,
        receipt_window_s: int,
    ) -> None:
        self._engine = engine
        self._node = node
        self._deployment = deployment
        self._policy = policy
        self._receipt_window_s = receipt_window_s
        self._outbox = Outbox(engine, node, operator)
        self._contents = Contents(TransactionKind.PLACE, self._dedupe_key, _submissions)

    def flush(self, now_s: int) -> Flushed:
        """Prepare the batches that the policy releases at `now_s`.

        Raises LockBusy, NodeUnreachable or MirrorMissing (try again later), and CallReverted when
        the contract accepts no batch from us at all.
        """
        name = f"flush:{self._deployment.chain_id}:{self._deployment.sportsbook}"
        with lock_held(self._engine, name):
            mirror = read_mirror(self._engine, self._deployment)
            slips = waiting_slips(
                self._engine,
                mirror,
                self._deployment.slip_domain,
                now_s - self._receipt_window_s,
                MAX_SLIPS_PER_FLUSH,
            )
            if not slips:
                return Flushed()
            head = self._node.head()
            sendable, held = ready(slips, chain_clock_s(head.timestamp_s, now_s))
            for slip, reason in held.items():
                if reason is HoldReason.NOT_ENCODABLE:
                    log.error("slip.not_encodable", slip=str(slip), reason=str(reason))
            flushed = Flushed(held=len(held))
            for batch in plan(sendable, now_s, self._policy):
                flushed = self._flush_batch(batch, head, now_s, flushed)
            return flushed

    def _flush_batch(
        self, batch: Sequence[WaitingSlip], head: Head, now_s: int, so_far: Flushed
    ) -> Flushed:
        def build(slips: Sequence[WaitingSlip]) -> Call:
            return Call(
                to_address=self._deployment.sportsbook,
                data=encode_call("Sportsbook", "placeBatch", encode_batch(slips)),
                gas_limit=min(gas_limit(slips), head.gas_limit),
            )

        simulation = self._outbox.simulate(batch, build, CALL_ERRORS)
        for entry in simulation.reverting:
            log.error("slip.reverts", slip=str(entry.item.id), reason=str(entry.error))
        self._outbox.write(simulation.passing, self._contents, now_s)
        return Flushed(
            batches=so_far.batches + len(simulation.passing),
            slips=so_far.slips + sum(len(group.items) for group in simulation.passing),
            held=so_far.held,
            reverted=so_far.reverted + len(simulation.reverting),
        )

    def _dedupe_key(self, slips: Sequence[WaitingSlip]) -> str:
        """The first slip, and how often it was sent before: a later attempt is another batch."""
        first = slips[0]
        with self._engine.connect() as connection:
            return f"place:{first.id}:{tries(connection, first.id)}"


def _submissions(slips: Sequence[WaitingSlip], transaction: uuid.UUID) -> list[Submission]:
    return [Submission(slip=slip.id, transaction=transaction) for slip in slips]


def gas_limit(slips: Sequence[WaitingSlip]) -> int:
    """An upper bound of the gas of a batch, whether its slips are placed or skipped."""
    markets = {leg.market for slip in slips for leg in slip.legs}
    return (
        _GAS_PER_BATCH
        + _GAS_PER_MARKET * len(markets)
        + _GAS_PER_SLIP * len(slips)
        + _GAS_PER_LEG * sum(len(slip.legs) for slip in slips)
        + _GAS_PER_CONTRACT_SIGNATURE * sum(slip.contract_signature for slip in slips)
    )
