"""Owns the flush: waiting slips become prepared transactions. Sends nothing itself.

Exactly once: slips are chosen under a lock, and written down with their transaction in one SQL
transaction. Whatever dies before that leaves the slips waiting; whatever dies after it leaves a
transaction that delivery picks up. A slip that were sent twice all the same counts once on the
chain, by its nonce.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Engine

from backend.batching.encode import encode_batch
from backend.batching.policy import BatchPolicy, Held, WaitingSlip, plan, ready
from backend.batching.tables import Submission
from backend.batching.waiting import tries, waiting_slips
from backend.deployment import Deployment
from backend.mirror.deployment import read_mirror
from backend.transactions.contracts import encode_place_batch
from backend.transactions.locks import held as lock_held
from backend.transactions.node import Head, Node, chain_clock_s
from backend.transactions.simulation import Passing, sift
from backend.transactions.store import Intent, prepare_with
from backend.transactions.tables import TransactionKind

log = structlog.get_logger(__name__)

MAX_SLIPS_A_FLUSH = 2_000

# These are about the call, not about a slip in it.
WHOLESALE = frozenset({"NotOperator", "PlacingIsPaused"})

# The most that each can take: every market and account touched for the first time, call data and
# event included. A wallet's signature check needs its whole allowance (CONTRACT_SIGNATURE_GAS, and
# the 64th that EIP-150 keeps back) or is silently taken for a wrong signature.
_GAS_A_BATCH = 150_000
_GAS_A_MARKET = 35_000
_GAS_A_SLIP = 25_000
_GAS_A_LEG = 6_000
_CONTRACT_SIGNATURE_GAS = 105_000


@dataclass(frozen=True, slots=True)
class Flushed:
    """What a flush did: batches prepared, slips in them, slips held back, slips that revert."""

    batches: int = 0
    slips: int = 0
    held: int = 0
    refused: int = 0

    @property
    def idle(self) -> bool:
        """Whether there was nothing to do."""
        return not (self.slips or self.refused)


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
        self._operator = operator
        self._policy = policy
        self._receipt_window_s = receipt_window_s

    def flush(self, now_s: int) -> Flushed:
        """Prepare what the policy lets go at `now_s`.

        Raises LockBusy, NodeUnreachable or MirrorMissing (try again later), and CallReverted when
        the contract takes no batch of ours at all.
        """
        name = f"flush:{self._deployment.chain_id}:{self._deployment.sportsbook}"
        with lock_held(self._engine, name):
            mirror = read_mirror(self._engine, self._deployment)
            slips = waiting_slips(
                self._engine,
                mirror,
                self._deployment.slip_domain,
                now_s - self._receipt_window_s,
                MAX_SLIPS_A_FLUSH,
            )
            if not slips:
                return Flushed()
            head = self._node.head()
            going, stayed = ready(slips, chain_clock_s(head.timestamp_s, now_s))
            for slip, reason in stayed.items():
                if reason is Held.NOT_ENCODABLE:
                    log.error("slip.not_encodable", slip=str(slip), reason=str(reason))
            flushed = Flushed(held=len(stayed))
            for batch in plan(going, now_s, self._policy):
                flushed = self._flush_batch(batch, head, now_s, flushed)
            return flushed

    def _flush_batch(
        self, batch: Sequence[WaitingSlip], head: Head, now_s: int, so_far: Flushed
    ) -> Flushed:
        def simulate(slips: Sequence[WaitingSlip]) -> int:
            gas = min(gas_limit(slips), head.gas_limit)
            data = encode_place_batch(encode_batch(slips))
            self._node.simulate(self._operator, self._deployment.sportsbook, data, gas)
            return gas

        passing, refused = sift(batch, simulate, WHOLESALE)
        for entry in refused:
            log.error("slip.reverts", slip=str(entry.item.id), reason=str(entry.error))
        chain_nonce = self._node.nonce(self._operator) if passing else 0
        for chunk in passing:
            self._prepare(chunk, chain_nonce, now_s)
        return Flushed(
            batches=so_far.batches + len(passing),
            slips=so_far.slips + sum(len(chunk.items) for chunk in passing),
            held=so_far.held,
            refused=so_far.refused + len(refused),
        )

    def _prepare(self, chunk: Passing[WaitingSlip], chain_nonce: int, now_s: int) -> None:
        first = chunk.items[0]
        with self._engine.connect() as connection:
            earlier = tries(connection, first.id)
        intent = Intent(
            kind=TransactionKind.PLACE,
            dedupe_key=f"place:{first.id}:{earlier}",
            to_address=self._deployment.sportsbook,
            data=encode_place_batch(encode_batch(chunk.items)),
            gas_limit=chunk.gas,
        )
        prepare_with(
            self._engine,
            intent,
            self._operator,
            self._deployment.chain_id,
            chain_nonce,
            now_s,
            lambda transaction: [
                Submission(slip=slip.id, transaction=transaction) for slip in chunk.items
            ],
        )


def gas_limit(slips: Sequence[WaitingSlip]) -> int:
    """Gas to allow a batch, whatever becomes of its slips."""
    markets = {leg.market for slip in slips for leg in slip.legs}
    return (
        _GAS_A_BATCH
        + _GAS_A_MARKET * len(markets)
        + _GAS_A_SLIP * len(slips)
        + _GAS_A_LEG * sum(len(slip.legs) for slip in slips)
        + _CONTRACT_SIGNATURE_GAS * sum(slip.contract_signature for slip in slips)
    )
