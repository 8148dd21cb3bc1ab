"""Owns publishing results as prepared transactions; sends nothing itself.

Results are chosen under a lock and written down with their transaction in one SQL transaction. The
contract takes the result of a fixture once, whatever is sent to it.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from sqlalchemy import Engine

from backend.deployment import Deployment
from backend.feed.facts import FixtureFacts
from backend.mirror.deployment import read_mirror
from backend.settlement.decided import publications, unpublished_fixtures
from backend.settlement.results import MATCH_LENGTH_S, results_due, sign_sheet
from backend.settlement.tables import Publication
from backend.transactions.contracts import encode_publish
from backend.transactions.locks import held
from backend.transactions.node import Head, Node, chain_clock_s
from backend.transactions.simulation import Passing, sift
from backend.transactions.store import Intent, prepare_with
from backend.transactions.tables import TransactionKind
from protocol.typed_data import Result

log = structlog.get_logger(__name__)

MAX_RESULTS_A_SHEET = 50

# These are about the sheet, not about a result on it.
WHOLESALE = frozenset({"SignaturesTooFew", "SignerUnknown", "SignersOutOfOrder"})

# The most that each can take, call data included.
_GAS_A_SHEET = 60_000
_GAS_A_SIGNATURE = 15_000
_GAS_A_RESULT = 60_000


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
        self._sender = sender
        self._keys = keys

    def publish(self, facts: Sequence[FixtureFacts], now_s: int) -> int:
        """Prepare the results of open fixtures that are over at `now_s`; returns how many.

        Raises LockBusy, NodeUnreachable or MirrorMissing (try again later), SignersTooFew, and
        CallReverted when the contract does not take our signatures.
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
                self._publish_some(due[at : at + MAX_RESULTS_A_SHEET], threshold, head, now_s)
                for at in range(0, len(due), MAX_RESULTS_A_SHEET)
            )

    def _publish_some(
        self, results: Sequence[Result], threshold: int, head: Head, now_s: int
    ) -> int:
        def data(some: Sequence[Result]) -> bytes:
            sheet = sign_sheet(some, self._keys, threshold, self._deployment.result_domain)
            return encode_publish(sheet.results, sheet.signatures)

        def simulate(some: Sequence[Result]) -> int:
            gas = _GAS_A_SHEET + _GAS_A_SIGNATURE * threshold + _GAS_A_RESULT * len(some)
            gas = min(gas, head.gas_limit)
            self._node.simulate(self._sender, self._deployment.results, data(some), gas)
            return gas

        passing, refused = sift(results, simulate, WHOLESALE)
        for entry in refused:
            fixture = "0x" + entry.item.fixture.hex()
            log.warning("result.reverts", fixture=fixture, reason=str(entry.error))
        for chunk in passing:
            self._prepare(chunk, data(chunk.items), now_s)
        return sum(len(chunk.items) for chunk in passing)

    def _prepare(self, chunk: Passing[Result], data: bytes, now_s: int) -> None:
        first = chunk.items[0].fixture
        with self._engine.connect() as connection:
            earlier = publications(connection, first)
        intent = Intent(
            kind=TransactionKind.PUBLISH,
            dedupe_key=f"publish:{first.hex()}:{earlier}",
            to_address=self._deployment.results,
            data=data,
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
                Publication(fixture=result.fixture, transaction=transaction)
                for result in chunk.items
            ],
        )
