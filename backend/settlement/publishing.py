"""Publishes results by prepared transactions; sends nothing itself.

Results are chosen under a lock and written down with their transaction in one SQL transaction. The
contract accepts the result of a fixture once, however often it is sent.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import structlog
from sqlalchemy import Engine

from backend.deployment import Deployment
from backend.feed.facts import MATCH_LENGTH_S, FixtureFacts
from backend.mirror.deployment import read_mirror
from backend.settlement.decided import publications, unpublished_fixtures
from backend.settlement.results import results_due, sign_sheet
from backend.settlement.tables import Publication
from backend.transactions.locks import held
from backend.transactions.node import Call, Head, Node, chain_clock_s
from backend.transactions.outbox import Contents, Outbox
from backend.transactions.tables import TransactionKind
from protocol.calls import encode_call
from protocol.signatures import pair
from protocol.typed_data import Result

log = structlog.get_logger(__name__)

MAX_RESULTS_PER_SHEET = 50

# These errors are about the sheet, not about a result on it.
CALL_ERRORS = frozenset({"SignaturesTooFew", "SignerUnknown", "SignersOutOfOrder"})

# Upper bounds, call data included.
_GAS_PER_SHEET = 60_000
_GAS_PER_SIGNATURE = 15_000
_GAS_PER_RESULT = 60_000


class Publisher:
    """Prepares result sheets of one deployment; any funded key may send what the keys attest."""

    def __init__(
        self,
        engine: Engine,
        node: Node,
        deployment: Deployment,
        sender: str,
        keys: Sequence[bytes],
    ) -> None:
        self._engine = engine
        self._node = node
        self._deployment = deployment
        self._keys = keys
        self._outbox = Outbox(engine, node, sender)
        self._contents = Contents(TransactionKind.PUBLISH, self._dedupe_key, _publications)

    def publish(self, facts: Sequence[FixtureFacts], now_s: int) -> int:
        """Prepare the results of open fixtures that are over at `now_s`; returns how many.

        Raises LockBusy, NodeUnreachable or MirrorMissing (try again later), SignersTooFew, and
        CallReverted when the contract does not accept our signatures.
        """
        name = f"publish:{self._deployment.chain_id}:{self._deployment.results}"
        with held(self._engine, name):
            mirror = read_mirror(self._engine, self._deployment)
            over_s = min(now_s, chain_clock_s(mirror.head_timestamp_s, now_s))
            missing = unpublished_fixtures(self._engine, mirror, over_s - MATCH_LENGTH_S)
            due = [r for r in results_due(facts, over_s) if r.fixture in missing]
            if not due:
                return 0
            head = self._node.head()
            threshold = int(self._node.view("Results", self._deployment.results, "threshold"))
            return sum(
                self._publish_sheet(due[at : at + MAX_RESULTS_PER_SHEET], threshold, head, now_s)
                for at in range(0, len(due), MAX_RESULTS_PER_SHEET)
            )

    def _publish_sheet(
        self, results: Sequence[Result], threshold: int, head: Head, now_s: int
    ) -> int:
        def build(some: Sequence[Result]) -> Call:
            sheet = sign_sheet(some, self._keys, threshold, self._deployment.result_domain)
            words = [result.word() for result in sheet.results]
            signatures = [pair(signature) for signature in sheet.signatures]
            return Call(
                to_address=self._deployment.results,
                data=encode_call("Results", "publish", words, signatures),
                gas_limit=min(gas_limit(some, threshold), head.gas_limit),
            )

        simulation = self._outbox.simulate(results, build, CALL_ERRORS)
        for entry in simulation.reverting:
            fixture = "0x" + entry.item.fixture.hex()
            log.warning("result.reverts", fixture=fixture, reason=str(entry.error))
        self._outbox.write(simulation.passing, self._contents, now_s)
        return sum(len(group.items) for group in simulation.passing)

    def _dedupe_key(self, results: Sequence[Result]) -> str:
        """The first fixture, and how often its result was sent before."""
        fixture = results[0].fixture
        with self._engine.connect() as connection:
            return f"publish:{fixture.hex()}:{publications(connection, fixture)}"


def _publications(results: Sequence[Result], transaction: uuid.UUID) -> list[Publication]:
    return [Publication(fixture=result.fixture, transaction=transaction) for result in results]


def gas_limit(results: Sequence[Result], signatures: int) -> int:
    """An upper bound of the gas of a sheet."""
    return _GAS_PER_SHEET + _GAS_PER_SIGNATURE * signatures + _GAS_PER_RESULT * len(results)
