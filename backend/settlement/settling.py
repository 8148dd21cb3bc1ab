"""Owns settling bets as prepared transactions; sends nothing itself.

Bets are chosen under a lock from what the mirror shows, and written down with their transaction in
one SQL transaction. The contract settles each bet once and leaves undecided ones alone, so that a
run that were sent twice or too early does no harm.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from sqlalchemy import Engine

from backend.deployment import Deployment
from backend.mirror.deployment import read_mirror
from backend.settlement.decided import decided_bets, placed_batches, runs_of
from backend.settlement.runs import fill, gas_limit, run, shared, spans
from backend.settlement.tables import SettlementRun
from backend.transactions.contracts import Run, encode_settle
from backend.transactions.locks import held
from backend.transactions.node import Head, Node, chain_clock_s
from backend.transactions.simulation import Passing, sift
from backend.transactions.store import Intent, prepare_with
from backend.transactions.tables import TransactionKind

log = structlog.get_logger(__name__)

MAX_BETS_A_TICK = 5_000
GAS_TARGET = 8_000_000


class Settler:
    """Prepares settlements of one deployment; anyone may settle, so any funded key will do."""

    def __init__(
        self,
        engine: Engine,
        node: Node,
        deployment: Deployment,
        sender: str,
        void_after_s: int,
        gas_target: int = GAS_TARGET,
    ) -> None:
        self._engine = engine
        self._node = node
        self._deployment = deployment
        self._sender = sender
        self._void_after_s = void_after_s
        self._gas_target = gas_target

    def settle(self, now_s: int) -> int:
        """Prepare the settlement of bets that are decided at `now_s`; returns how many.

        Raises LockBusy, NodeUnreachable or MirrorMissing: try again later.
        """
        name = f"settle:{self._deployment.chain_id}:{self._deployment.sportsbook}"
        with held(self._engine, name):
            mirror = read_mirror(self._engine, self._deployment)
            block_time_s = chain_clock_s(mirror.head_timestamp_s, now_s)
            bets = decided_bets(
                self._engine, mirror, block_time_s, self._void_after_s, MAX_BETS_A_TICK
            )
            if not bets:
                return 0
            batches = placed_batches(self._engine, mirror, bets)
            runs = [
                run(number, batches[number], first, count)
                for number in sorted(bets)
                for first, count in spans(bets[number])
            ]
            head = self._node.head()
            for chunk in fill(runs, self._gas_target):
                self._settle_some(chunk, head, now_s)
            return sum(len(numbers) for numbers in bets.values())

    def _settle_some(self, runs: Sequence[Run], head: Head, now_s: int) -> None:
        def simulate(some: Sequence[Run]) -> int:
            gas = min(gas_limit(some), head.gas_limit)
            sportsbook = self._deployment.sportsbook
            self._node.simulate(self._sender, sportsbook, encode_settle(shared(some)), gas)
            return gas

        passing, refused = sift(runs, simulate, wholesale=frozenset())
        for entry in refused:
            log.warning(
                "run.reverts",
                batch=entry.item.batch,
                first=entry.item.first,
                reason=str(entry.error),
            )
        for chunk in passing:
            self._prepare(chunk, now_s)

    def _prepare(self, chunk: Passing[Run], now_s: int) -> None:
        first = chunk.items[0]
        with self._engine.connect() as connection:
            earlier = runs_of(connection, first.batch)
        intent = Intent(
            kind=TransactionKind.SETTLE,
            dedupe_key=f"settle:{first.batch}:{first.first}:{earlier}",
            to_address=self._deployment.sportsbook,
            data=encode_settle(shared(chunk.items)),
            gas_limit=chunk.gas,
        )
        prepare_with(
            self._engine,
            intent,
            self._sender,
            self._deployment.chain_id,
            self._node.nonce(self._sender),
            now_s,
            lambda transaction: [
                SettlementRun(
                    batch=item.batch,
                    first=item.first,
                    transaction=transaction,
                    bets=item.bets,
                )
                for item in chunk.items
            ],
        )
