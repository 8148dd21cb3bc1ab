"""Turns offers that their owners have signed into prepared transactions; sends nothing itself.

Anybody may send a cash-out: the house does, so that owners need no coin of the chain. An offer is
sent at most once, and of a bet's offers one at a time: after one has taken effect, the others name
a bet that has ended.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Engine, Row

from backend.batching.waiting import chain_signature
from backend.cash_outs.tables import CashOutSubmission
from backend.deployment import Deployment
from backend.log_limit import LogLimit
from backend.mirror.cash_outs import SIGNED
from backend.mirror.deployment import read_mirror, read_rows
from backend.transactions.locks import held
from backend.transactions.node import Call, Node, chain_clock_s
from backend.transactions.outbox import Contents, Outbox
from backend.transactions.tables import TransactionKind
from protocol.calls import encode_call
from protocol.limits import CONTRACT_SIGNATURE_GAS, TRANSACTION_GAS_MAX
from protocol.placed_event import unpack_batch
from protocol.signatures import pair
from protocol.typed_data import CashOut, Domain

log = structlog.get_logger(__name__)

MAX_OFFERS_PER_RUN = 50
# An upper bound: a whole batch's proof, a contract wallet's check, and a rest that is kept.
_GAS_PER_OFFER = 350_000 + CONTRACT_SIGNATURE_GAS
_GAS_PER_LEG = 30_000


@dataclass(frozen=True, slots=True)
class SignedOffer:
    """An offer that its owner has signed, with the arguments of `Sportsbook.cashOut`."""

    id: uuid.UUID
    arguments: tuple[Any, ...]
    legs: int
    offered_at_s: int
    deadline_s: int


class CashOutRelayer:
    """Prepares the accepted cash-outs of one deployment, with any funded key."""

    def __init__(
        self,
        engine: Engine,
        node: Node,
        deployment: Deployment,
        sender: str,
        max_gas: int = TRANSACTION_GAS_MAX,
    ) -> None:
        self._engine = engine
        self._deployment = deployment
        self._limit = LogLimit()
        self._outbox = Outbox(engine, node, sender, max_gas)
        self._contents = Contents(TransactionKind.CASH_OUT, _dedupe_key, _submissions)

    def relay(self, now_s: int) -> int:
        """Prepare the accepted offers that are alive at `now_s`, each as a transaction of its own;
        returns how many. Raises LockBusy, NodeUnreachable or MirrorMissing: try again later."""
        name = f"cash_out:{self._deployment.chain_id}:{self._deployment.sportsbook}"
        with held(self._engine, name):
            mirror = read_mirror(self._engine, self._deployment)
            parameters = {
                "deployment": mirror.deployment,
                "now_s": chain_clock_s(mirror.head_timestamp_s, now_s),
                "limit": MAX_OFFERS_PER_RUN,
            }
            with self._engine.connect() as connection:
                rows = read_rows(connection, SIGNED, parameters)
            offers = [_offer(row, self._deployment.slip_domain) for row in rows]
            return sum(self._prepare(offer, now_s) for offer in offers)

    def _prepare(self, offer: SignedOffer, now_s: int) -> bool:
        """Whether the offer would take effect now."""

        def build(_: Sequence[SignedOffer]) -> Call:
            return Call(
                to_address=self._deployment.sportsbook,
                data=encode_call("Sportsbook", "cashOut", *offer.arguments),
                gas_limit=_GAS_PER_OFFER + _GAS_PER_LEG * offer.legs,
                valid_from_s=offer.offered_at_s,
                valid_until_s=offer.deadline_s,
            )

        simulation = self._outbox.simulate([offer], build)
        for entry in simulation.reverting:
            # It is tried again until its deadline.
            if self._limit.allows(str(offer.id), str(entry.error), now_s):
                log.warning("cash_out.reverts", offer=str(offer.id), reason=str(entry.error))
        self._outbox.write(simulation.passing, self._contents, now_s)
        return bool(simulation.passing)


def _offer(row: Row[Any], domain: Domain) -> SignedOffer:
    part = unpack_batch(bytes(row.markets), bytes(row.records)).part(row.bet, 1)
    signed = CashOut(
        account=row.account,
        batch=row.batch,
        bet=row.bet,
        stake_micro=row.stake_micro,
        price_micro=row.price_micro,
        offered_at_s=row.offered_at_s,
        deadline_s=row.deadline_s,
    )
    digest = domain.digest(signed.struct_hash())
    owner = chain_signature(bytes(row.owner_signature), digest, row.owner)
    arguments = (
        (row.batch, part.first, part.markets, part.records, list(part.proof)),
        (row.stake_micro, row.price_micro, row.offered_at_s, row.deadline_s),
        pair(bytes(row.house_signature)),
        owner.signature,
    )
    return SignedOffer(row.id, arguments, row.legs, row.offered_at_s, row.deadline_s)


def _dedupe_key(offers: Sequence[SignedOffer]) -> str:
    return f"cash_out:{offers[0].id}"


def _submissions(offers: Sequence[SignedOffer], transaction: uuid.UUID) -> list[CashOutSubmission]:
    return [CashOutSubmission(offer=offer.id, transaction=transaction) for offer in offers]
