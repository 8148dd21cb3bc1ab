"""Serves /readyz of the API."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from backend import examples
from backend.ops.readiness import Blocks, shared_readiness
from backend.problems import NotReady, responses
from backend.services import ServicesDep

router = APIRouter(tags=["operations"])


class ReadyPublic(BaseModel):
    """Everything that accepting slips and countersigning withdrawals needs is available.
    `blocks_cash_outs` is what keeps a server that has CASH_OUT_SIGNER_KEY from offering
    cash-outs."""

    status: str = Field(examples=["ready"])
    head_block: int = Field(examples=[examples.BLOCK])
    head_timestamp_s: int = Field(examples=[examples.NOW_S])
    odds_age_ms: int = Field(examples=[400])
    blocks_cash_outs: list[str] = Field(examples=[[]])


@router.get("/readyz", responses=responses(NotReady))
async def readyz(services: ServicesDep) -> ReadyPublic:
    """Reports whether slips can be accepted and withdrawals countersigned. The refusal names
    everything that is missing: no slip is accepted while `blocks_slips` has an entry, and no
    withdrawal is countersigned while `blocks_withdrawals` has one. What keeps cash-outs alone from
    being offered is no refusal: it is in `blocks_cash_outs`."""
    found = await shared_readiness(services)
    offers = services.cash_out_signer is not None
    blocks_cash_outs = found.blocking(Blocks.CASH_OUTS) if offers else []
    if not found.ready:
        raise NotReady(
            " ".join(found.reasons),
            retry_after_s=2,
            missing=found.reasons,
            blocks_slips=found.blocking(Blocks.SLIPS),
            blocks_withdrawals=found.blocking(Blocks.WITHDRAWALS),
            blocks_cash_outs=blocks_cash_outs,
        )
    return ReadyPublic(
        status="ready",
        head_block=found.head_block,
        head_timestamp_s=found.head_timestamp_s,
        odds_age_ms=services.odds_copy.age_ms(),
        blocks_cash_outs=blocks_cash_outs,
    )
