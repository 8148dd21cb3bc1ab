"""Turns what owners have signed into prepared transactions; sends nothing itself.

Anybody may send it: the house does, so that owners need no coin of the chain. The contract has no
call for several, so each is a transaction of its own, and the house pays for at most one that is
mined.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Engine, Row, text

from backend import channels
from backend.deployment import Deployment
from backend.log_limit import LogLimit
from backend.mirror.deployment import read_mirror, read_rows
from backend.mirror.relays import UNSENT
from backend.relays.signed import SignedRelay
from backend.relays.tables import RelaySubmission
from backend.transactions.errors import CallReverted
from backend.transactions.locks import held
from backend.transactions.node import Call, Node, chain_clock_s
from backend.transactions.outbox import Contents, Outbox
from backend.transactions.tables import TransactionKind
from protocol.limits import TRANSACTION_GAS_MAX

log = structlog.get_logger(__name__)

MAX_RELAYS_PER_RUN = 50
# A relay that reverts may pass a moment later, as when a reorg took the tokens away that it moves.
REVERTING_S = 20

# By the machine's clock, since that of a test chain may leap. With a reason it is given up.
_REVERTED = text("""
UPDATE backend.relay SET
    reason = CASE WHEN extract(epoch FROM now())::bigint - reverting_since_s >= :most_s
                  THEN :reason END,
    reverting_since_s = coalesce(reverting_since_s, extract(epoch FROM now())::bigint)
WHERE id = :id AND reason IS NULL
RETURNING reason
""")

# For those who follow their account; nothing depends on it.
_NOTIFY = text("SELECT pg_notify(:channel, '')")


@dataclass(frozen=True, slots=True)
class UnsentRelay:
    """A relay in no transaction that can still take effect; `tries` have carried it before."""

    id: int
    hash: bytes
    signed: SignedRelay
    signature: bytes
    tries: int


class Relayer:
    """Prepares the accepted relays of one deployment, with any funded key."""

    def __init__(
        self,
        engine: Engine,
        node: Node,
        deployment: Deployment,
        sender: str,
        max_gas: int = TRANSACTION_GAS_MAX,
        reverting_s: int = REVERTING_S,
    ) -> None:
        self._engine = engine
        self._deployment = deployment
        self._reverting_s = reverting_s
        self._limit = LogLimit()
        self._outbox = Outbox(engine, node, sender, max_gas)
        self._contents = Contents(TransactionKind.RELAY, _dedupe_key, _submissions)

    def relay(self, now_s: int) -> int:
        """Prepare what waits and has an effect at `now_s`; returns how many. Raises LockBusy,
        NodeUnreachable or MirrorMissing: try again later."""
        with held(self._engine, f"relay:{self._deployment.chain_id}:{self._deployment.sportsbook}"):
            mirror = read_mirror(self._engine, self._deployment)
            parameters = {
                "now_s": chain_clock_s(mirror.head_timestamp_s, now_s),
                "limit": MAX_RELAYS_PER_RUN,
            }
            with self._engine.connect() as connection:
                relays = [_unsent(row) for row in read_rows(connection, UNSENT, parameters)]
            prepared = sum(self._prepare(relay, now_s) for relay in relays)
        if prepared:
            with self._engine.begin() as connection:
                connection.execute(_NOTIFY, {"channel": channels.RELAYS})
        return prepared

    def _prepare(self, relay: UnsentRelay, now_s: int) -> bool:
        """Whether the relay would take effect now."""

        def build(_: Sequence[UnsentRelay]) -> Call:
            return Call(
                to_address=self._deployment.sportsbook,
                data=relay.signed.call_data(relay.signature),
                gas_limit=relay.signed.gas,
                valid_from_s=relay.signed.valid_from_s,
                valid_until_s=relay.signed.valid_until_s,
            )

        simulation = self._outbox.simulate([relay], build)
        for entry in simulation.reverting:
            self._reverts(relay, entry.error, now_s)
        self._outbox.write(simulation.passing, self._contents, now_s)
        return bool(simulation.passing)

    def _reverts(self, relay: UnsentRelay, error: CallReverted, now_s: int) -> None:
        """Try it again for a while, then give it up with the reason."""
        reason = error.error or "reverted"
        with self._engine.begin() as connection:
            given_up = connection.execute(
                _REVERTED, {"id": relay.id, "most_s": self._reverting_s, "reason": reason}
            ).scalar_one_or_none()
            if given_up is not None:
                connection.execute(_NOTIFY, {"channel": channels.RELAYS})
        facts = {"relay": f"0x{relay.hash.hex()}", "kind": relay.signed.kind.value}
        if given_up is not None:
            log.warning("relay.refused", **facts, reason=str(error))
        elif self._limit.allows(facts["relay"], str(error), now_s):
            log.warning("relay.reverts", **facts, reason=str(error))


def _unsent(row: Row[Any]) -> UnsentRelay:
    return UnsentRelay(
        id=row.id,
        hash=bytes(row.hash),
        signed=SignedRelay.of_row(row._asdict()),
        signature=bytes(row.signature),
        tries=row.tries,
    )


def _dedupe_key(relays: Sequence[UnsentRelay]) -> str:
    [relay] = relays
    return f"relay:{relay.hash.hex()}:{relay.tries}"


def _submissions(relays: Sequence[UnsentRelay], transaction: uuid.UUID) -> list[RelaySubmission]:
    return [RelaySubmission(relay=relay.id, transaction=transaction) for relay in relays]
