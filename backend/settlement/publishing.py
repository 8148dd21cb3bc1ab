"""Publishes results by prepared transactions; sends nothing itself.

Results are chosen under a lock and written down with their transaction in one SQL transaction. The
contract accepts the result of a fixture once, however often it is sent. A fixture is decided by the
council that stood when it was first bet on, so there is a sheet for each council's term.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from coincurve import PrivateKey
from sqlalchemy import Engine

from backend.deployment import Deployment
from backend.feed.facts import FixtureFacts
from backend.mirror.deployment import read_mirror
from backend.settlement.judging import judged_fixtures
from backend.settlement.repository import publications
from backend.settlement.sheets import SignersTooFew, sign_sheet
from backend.settlement.tables import Publication
from backend.transactions.locks import held
from backend.transactions.node import Call, Node, chain_clock_s
from backend.transactions.outbox import Contents, Outbox
from backend.transactions.tables import TransactionKind
from protocol.calls import encode_call
from protocol.limits import TRANSACTION_GAS_MAX
from protocol.signatures import address_of, pair
from protocol.typed_data import Result, ResultSheet

log = structlog.get_logger(__name__)

MAX_RESULTS_PER_SHEET = 50
# A transaction that is not mined by then fails, and its results are signed again.
SHEET_LIFE_S = 3_600

# These errors are about the sheet, not about a result on it.
CALL_ERRORS = frozenset({"SignaturesTooFew", "SignerUnknown", "SignersOutOfOrder", "SheetExpired"})

# Upper bounds, call data included.
_GAS_PER_SHEET = 60_000
_GAS_PER_SIGNATURE = 15_000
_GAS_PER_RESULT = 60_000


@dataclass(frozen=True, slots=True)
class Council:
    """Who decides in a term: how many signatures it takes, and those of our keys that count."""

    term: int
    threshold: int
    keys: tuple[bytes, ...]


class Publisher:
    """Prepares result sheets of one deployment; any funded key may send what the keys attest."""

    def __init__(
        self,
        engine: Engine,
        node: Node,
        deployment: Deployment,
        sender: str,
        keys: Sequence[bytes],
        max_gas: int = TRANSACTION_GAS_MAX,
    ) -> None:
        self._engine = engine
        self._node = node
        self._deployment = deployment
        self._keys = {address_of(PrivateKey(key).public_key): key for key in keys}
        self._outbox = Outbox(engine, node, sender, max_gas)
        self._contents = Contents(TransactionKind.PUBLISH, self._dedupe_key, _publications)

    def publish(self, facts: Sequence[FixtureFacts], now_s: int) -> int:
        """Prepare the results of opened fixtures that are decided at `now_s`; returns how many.

        Raises LockBusy, NodeUnreachable or MirrorMissing (try again later), CallReverted when the
        contract does not accept our signatures, and SignersTooFew, after it has prepared the sheets
        of councils of which it has enough keys.
        """
        name = f"publish:{self._deployment.chain_id}:{self._deployment.results}"
        with held(self._engine, name):
            mirror = read_mirror(self._engine, self._deployment)
            over_s = min(now_s, chain_clock_s(mirror.head_timestamp_s, now_s))
            due = [
                result
                for judged in judged_fixtures(self._engine, mirror.deployment, facts, over_s)
                if judged.unpublished and (result := judged.result(over_s)) is not None
            ]
            if not due:
                return 0
            head = self._node.head()
            gas_cap = self._outbox.gas_cap(head, now_s)
            published = 0
            too_few: SignersTooFew | None = None
            for council, results in self._by_council(due):
                try:
                    most = results_per_sheet(gas_cap, council.threshold)
                    published += sum(
                        self._publish_sheet(
                            *(results[at : at + most], council, gas_cap),
                            max(head.timestamp_s, now_s) + SHEET_LIFE_S,
                            now_s,
                        )
                        for at in range(0, len(results), most)
                    )
                except SignersTooFew as error:
                    too_few = error
            if too_few is not None:
                raise too_few
            return published

    def _by_council(self, due: Sequence[Result]) -> list[tuple[Council, list[Result]]]:
        """The results by the council that decides their fixtures: one that was never bet on is the
        standing council's."""
        standing = int(self._results_view("term"))
        by_term: dict[int, list[Result]] = defaultdict(list)
        for result in due:
            found = self._node.view(
                "Sportsbook", self._deployment.sportsbook, "resultOf", result.fixture
            )
            by_term[int(found[-1]) or standing].append(result)
        return [(self._council(term), results) for term, results in sorted(by_term.items())]

    def _council(self, term: int) -> Council:
        threshold, _arbiter = self._results_view("councilOf", term)
        keys = tuple(
            key
            for address, key in self._keys.items()
            if self._results_view("isResultSigner", term, address)
        )
        return Council(term, int(threshold), keys)

    def _results_view(self, function: str, *arguments: object) -> Any:
        return self._node.view("Results", self._deployment.results, function, *arguments)

    def _publish_sheet(
        self,
        results: Sequence[Result],
        council: Council,
        gas_cap: int,
        deadline_s: int,
        now_s: int,
    ) -> int:
        def build(some: Sequence[Result]) -> Call:
            sheet = ResultSheet(council.term, deadline_s, tuple(some))
            signed = sign_sheet(
                sheet, council.keys, council.threshold, self._deployment.result_domain
            )
            words = [result.word() for result in some]
            signatures = [pair(signature) for signature in signed.signatures]
            return Call(
                to_address=self._deployment.results,
                data=encode_call("Results", "publish", words, council.term, deadline_s, signatures),
                gas_limit=min(gas_limit(some, council.threshold), gas_cap),
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


def results_per_sheet(gas_cap: int, signatures: int) -> int:
    """How many results fit a sheet by its gas; at least one."""
    fitting = (gas_cap - gas_limit([], signatures)) // _GAS_PER_RESULT
    return max(1, min(fitting, MAX_RESULTS_PER_SHEET))
