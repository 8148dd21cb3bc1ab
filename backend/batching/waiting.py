"""Reads the accepted slips that are neither on the chain nor in a transaction; writes nothing."""

from __future__ import annotations

import uuid
from collections import defaultdict
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Row, bindparam, text

from backend.batching.policy import WaitingLeg, WaitingSlip
from backend.mirror.deployment import Mirror, read_rows
from backend.mirror.fragments import fixture_sql
from backend.mirror.slips import WAITING
from protocol.market_id import MarketId, fixture_name_hash
from protocol.signatures import COMPACT_BYTES, SignatureMalformed, compact, recover_bytes
from protocol.typed_data import Domain

_LEGS = text(f"""
SELECT l.slip, l.market, l.outcome, l.odds_e4, f.name
FROM backend.slip_leg l
JOIN backend.fixture f ON f.id = {fixture_sql("l.market")}
WHERE l.slip IN :slips
ORDER BY l.slip, l.leg
""").bindparams(bindparam("slips", expanding=True))  # noqa: S608 - the fragment is a constant of ours

_TRIES = text("SELECT count(*) FROM backend.submission WHERE slip = :slip")


def waiting_slips(
    engine: Engine,
    mirror: Mirror,
    domain: Domain,
    now_s: int,
    receipt_window_s: int,
    limit: int,
) -> list[WaitingSlip]:
    """Up to `limit` slips that wait to be placed and whose receipt window is not over at `now_s`,
    the oldest first."""
    with engine.connect() as connection:
        rows = read_rows(
            connection,
            WAITING,
            {
                "deployment": mirror.deployment,
                "receipt_window_s": receipt_window_s,
                "oldest_s": now_s - receipt_window_s,
                "limit": limit,
            },
        )
        legs = _legs(connection, [row.id for row in rows])
    return [_slip(row, legs[row.id], domain) for row in rows if legs[row.id]]


def tries(connection: Connection, slip: uuid.UUID) -> int:
    """How many transactions have carried this slip so far."""
    return int(connection.execute(_TRIES, {"slip": slip}).scalar_one())


def _legs(connection: Connection, slips: list[uuid.UUID]) -> dict[uuid.UUID, list[WaitingLeg]]:
    legs: dict[uuid.UUID, list[WaitingLeg]] = defaultdict(list)
    if slips:
        for row in connection.execute(_LEGS, {"slips": slips}):
            market = MarketId.unpack(bytes(row.market))
            legs[row.slip].append(
                WaitingLeg(fixture_name_hash(row.name), market, row.outcome, row.odds_e4)
            )
    return legs


def _slip(row: Row[Any], legs: list[WaitingLeg], domain: Domain) -> WaitingSlip:
    on_chain = chain_signature(
        bytes(row.signature), domain.digest(bytes(row.struct_hash)), row.owner
    )
    return WaitingSlip(
        id=row.id,
        account=row.account,
        nonce=row.nonce,
        stake_micro=row.stake_micro,
        min_odds_e4=row.min_odds_e4,
        deadline_s=row.deadline_s,
        accepted_at_s=row.accepted_at_s,
        signature=on_chain.signature,
        contract_signature=on_chain.of_contract,
        receipt_signature=bytes(row.receipt_signature),
        left_out=row.left_out,
        legs=tuple(legs),
    )


class ChainSignature(NamedTuple):
    """A signature in the form that the contract takes; with `of_contract`, the contract asks the
    owner's contract about it (ERC-1271)."""

    signature: bytes
    of_contract: bool


@lru_cache(maxsize=16_384)
def chain_signature(signature: bytes, digest: bytes, owner: str) -> ChainSignature:
    """The signature as a batch carries it: an owner's own one is compact, everything else is for
    ERC-1271. Slips that wait are read again and again."""
    if len(signature) == COMPACT_BYTES:
        return ChainSignature(signature, of_contract=False)
    try:
        if recover_bytes(digest, signature) == bytes.fromhex(owner[2:]):
            return ChainSignature(compact(signature), of_contract=False)
    except SignatureMalformed:
        pass
    return ChainSignature(signature, of_contract=True)
