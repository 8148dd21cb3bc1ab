"""Settles decided bets by prepared transactions; sends nothing itself.

Bets are chosen under a lock from what the mirror shows, and written down with their transaction in
one SQL transaction. The contract settles each bet once and leaves undecided ones alone, so a run
that is sent twice or too early is harmless.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import structlog
from sqlalchemy import Engine

from backend.deployment import Deployment
from backend.mirror.deployment import read_mirror
from backend.settlement.repository import decided_bets, placed_batches, runs_of
from backend.settlement.runs import (
    Run,
    fill_transactions,
    fitting_runs,
    gas_limit,
    settle_arguments,
    share_markets,
)
from backend.settlement.tables import SettlementRun
from backend.transactions.locks import held
from backend.transactions.node import Call, Node, chain_clock_s
from backend.transactions.outbox import Contents, Outbox
from backend.transactions.tables import TransactionKind
from protocol.calls import encode_call
from protocol.limits import TRANSACTION_GAS_MAX

log = structlog.get_logger(__name__)

MAX_BETS_PER_TICK = 5_000
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
        max_gas: int = TRANSACTION_GAS_MAX,
        gas_target: int = GAS_TARGET,
    ) -> None:
        self._engine = engine
        self._node = node
        self._deployment = deployment
        self._void_after_s = void_after_s
        self._gas_target = gas_target
        self._outbox = Outbox(engine, node, sender, max_gas)
        self._contents = Contents(TransactionKind.SETTLE, self._dedupe_key, _settlement_runs)

    def settle(self, now_s: int) -> int:
        """Prepare the settlement of bets that are decided at `now_s`; returns how many.

        Raises LockBusy, NodeUnreachable or MirrorMissing: try again later.
        """
        name = f"settle:{self._deployment.chain_id}:{self._deployment.sportsbook}"
        with held(self._engine, name):
            mirror = read_mirror(self._engine, self._deployment)
            block_time_s = chain_clock_s(mirror.head_timestamp_s, now_s)
            bets = decided_bets(
                self._engine, mirror, block_time_s, self._void_after_s, MAX_BETS_PER_TICK
            )
            if not bets:
                return 0
            batches = placed_batches(self._engine, mirror, bets)
            gas_cap = self._outbox.gas_cap(self._node.head(), now_s)
            runs = [
                run
                for number in sorted(bets)
                for run in fitting_runs(number, batches[number], bets[number], gas_cap)
            ]
            for group in fill_transactions(runs, min(self._gas_target, gas_cap)):
                self._settle_runs(group, gas_cap, now_s)
            return sum(len(numbers) for numbers in bets.values())

    def _settle_runs(self, runs: Sequence[Run], gas_cap: int, now_s: int) -> None:
        def build(some: Sequence[Run]) -> Call:
            return Call(
                to_address=self._deployment.sportsbook,
                data=encode_call("Sportsbook", "settle", settle_arguments(share_markets(some))),
                gas_limit=min(gas_limit(some), gas_cap),
            )

        simulation = self._outbox.simulate(runs, build)
        for entry in simulation.reverting:
            log.warning(
                "run.reverts",
                batch=entry.item.batch,
                first=entry.item.first,
                reason=str(entry.error),
            )
        self._outbox.write(simulation.passing, self._contents, now_s)

    def _dedupe_key(self, runs: Sequence[Run]) -> str:
        """The first run, and how many runs of its batch were sent before."""
        first = runs[0]
        with self._engine.connect() as connection:
            return f"settle:{first.batch}:{first.first}:{runs_of(connection, first.batch)}"


def _settlement_runs(runs: Sequence[Run], transaction: uuid.UUID) -> list[SettlementRun]:
    return [
        SettlementRun(batch=run.batch, first=run.first, transaction=transaction, bets=run.bets)
        for run in runs
    ]
