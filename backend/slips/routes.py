"""Owns the paths of slips and of what a wallet needs to sign them."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Response

from backend.chain_view import ChainUnreachable
from backend.markets.words import kind_name, labels
from backend.problems import (
    BodyMalformed,
    BodyTooLarge,
    NotFound,
    NotReady,
    Problem,
    RateLimited,
    responses,
)
from backend.services import Services, services
from backend.slips import refusals, repository
from backend.slips.acceptance import accept, limits_of
from backend.slips.decide import MAX_PENDING
from backend.slips.models import (
    DomainPublic,
    LimitsPublic,
    ReceiptPublic,
    SlipAccepted,
    SlipCreate,
    SlipLegPublic,
    SlipPublic,
    TypedDataPublic,
)
from backend.slips.repository import Accepted
from protocol.market_id import PERIOD_NAMES, MarketId
from protocol.placed_batch import SkipReason
from protocol.typed_data import (
    DOMAIN_TYPE,
    LEG_TYPE,
    RECEIPT_TYPE,
    SLIP_TYPE,
    VERSION,
    WITHDRAWAL_TYPE,
    members,
)

router = APIRouter(prefix="/v1", tags=["slips"])

Parts = Annotated[Services, Depends(services)]

_TYPES = {
    "EIP712Domain": members(DOMAIN_TYPE),
    "Slip": members(SLIP_TYPE.removesuffix(LEG_TYPE)),
    "Leg": members(LEG_TYPE),
    "Receipt": members(RECEIPT_TYPE),
    "Withdrawal": members(WITHDRAWAL_TYPE),
}
_REFUSALS = [kind for kind in vars(refusals).values() if isinstance(kind, type)]
REFUSALS = [k for k in _REFUSALS if issubclass(k, refusals.SlipRefused) and "code" in vars(k)]


@router.get("/typed-data")
async def get_typed_data(parts: Parts) -> TypedDataPublic:
    """The EIP-712 domain and types to sign with, and what the house takes."""
    limits = limits_of(parts)
    domain = parts.domain
    try:
        now_s = await parts.now_s()
    except NotReady:
        now_s = None
    return TypedDataPublic(
        domain=DomainPublic(
            name=domain.name,
            version=VERSION,
            chainId=domain.chain_id,
            verifyingContract=domain.contract,
        ),
        types=_TYPES,
        limits=LimitsPublic(
            min_stake_micro=str(limits.min_stake_micro),
            max_stake_micro=str(limits.max_stake_micro),
            max_payout_micro=str(limits.max_payout_micro),
            max_legs=limits.max_legs,
            max_pending_slips=MAX_PENDING,
            max_deadline_s=limits.max_deadline_s,
            receipt_window_s=parts.house.receipt_window_s,
            exit_delay_s=parts.house.exit_delay_s,
        ),
        quote_signer=parts.signer.address,
        now_s=now_s,
    )


@router.post(
    "/slips",
    status_code=201,
    responses={
        200: {"model": SlipAccepted, "description": "The slip was taken before."},
        **responses(
            BodyMalformed, BodyTooLarge, *REFUSALS, RateLimited, ChainUnreachable, NotReady
        ),
    },
)
async def post_slip(
    parts: Parts,
    response: Response,
    create: SlipCreate,
    idempotency_key: Annotated[
        str | None,
        Header(
            max_length=255,
            min_length=1,
            description="Names this try; the slip's own hash when left out.",
        ),
    ] = None,
) -> SlipAccepted:
    """Hand in a signed slip. 201 is a promise: the bet reaches the chain, or GET /v1/slips/{id}
    says why not; the receipt enforces it without us."""
    try:
        accepted, new = await accept(parts, create, idempotency_key)
    except Problem as problem:
        parts.metrics.slips.labels(problem.code).inc()
        raise
    parts.metrics.slips.labels("accepted" if new else "repeated").inc()
    response.status_code = 201 if new else 200
    return SlipAccepted(
        id=accepted.id,
        slip_hash=f"0x{accepted.struct_hash.hex()}",
        status="accepted",
        accepted_at_s=accepted.accepted_at_s,
        odds_e4=list(accepted.odds_e4),
        payout_max_micro=str(accepted.payout_max_micro),
        receipt=_receipt(parts, accepted),
        enforce_until_s=accepted.accepted_at_s + parts.house.receipt_window_s,
    )


@router.get("/slips/{slip}", responses=responses(NotFound, BodyMalformed, NotReady))
async def get_slip(parts: Parts, slip: uuid.UUID) -> SlipPublic:
    """Where a slip stands, derived from the chain's mirror."""
    row = await parts.database.row(repository.STATUS, {**parts.key, "id": slip})
    if row is None:
        await parts.now_s()
        raise NotFound(f"No slip {slip} was accepted.")
    legs = [_leg(leg) for leg in row["legs"]]
    status = _status(row)
    accepted = Accepted(
        id=row["id"],
        account=row["account"],
        struct_hash=bytes(row["struct_hash"]),
        idempotency_key="",
        accepted_at_s=row["accepted_at_s"],
        odds_e4=tuple(leg.odds_e4 for leg in legs),
        payout_max_micro=row["payout_max_micro"],
        receipt_signature=bytes(row["receipt_signature"]),
    )
    return SlipPublic(
        id=row["id"],
        slip_hash=f"0x{accepted.struct_hash.hex()}",
        status=status,
        reason=_reason(row["reason"]) if status == "refused" else None,
        account=row["account"],
        nonce=row["nonce"],
        stake_micro=str(row["stake_micro"]),
        min_odds_e4=row["min_odds_e4"],
        deadline_s=row["deadline_s"],
        payout_max_micro=str(row["payout_max_micro"]),
        legs=legs,
        receipt=_receipt(parts, accepted),
        enforce_until_s=row["accepted_at_s"] + parts.house.receipt_window_s,
        batch=row["batch"],
        bet=row["bet"],
        tx_hash=None if row["tx_hash"] is None else f"0x{bytes(row['tx_hash']).hex()}",
    )


def _status(row: dict[str, Any]) -> str:
    if row["batch"] is not None:
        return "placed"
    if row["reason"] is not None:
        return "refused"
    if row["expired"]:
        return "expired"
    return "submitted" if row["submitted"] else "accepted"


def _reason(number: int) -> str:
    return SkipReason(number).name.lower().replace("_", "-")


def _receipt(parts: Services, accepted: Accepted) -> ReceiptPublic:
    return ReceiptPublic(
        slip=f"0x{accepted.struct_hash.hex()}",
        accepted_at_s=accepted.accepted_at_s,
        odds_e4=list(accepted.odds_e4),
        signer=parts.signer.address,
        signature=f"0x{accepted.receipt_signature.hex()}",
    )


def _leg(leg: dict[str, Any]) -> SlipLegPublic:
    market = MarketId.unpack(bytes.fromhex(leg["market"]))
    return SlipLegPublic(
        market=f"0x{leg['market']}",
        fixture=leg["fixture"],
        kind=kind_name(market),
        period=PERIOD_NAMES[market.period],
        outcome=labels(market)[leg["outcome"]],
        outcome_number=leg["outcome"],
        odds_e4=leg["odds_e4"],
    )
