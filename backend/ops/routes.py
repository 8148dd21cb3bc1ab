"""Serves /healthz, /readyz and /metrics."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from backend import examples
from backend.api.client_address import is_among
from backend.ops.readiness import Blocks, shared_readiness
from backend.problems import NotFound, NotReady, responses
from backend.services import ServicesDep

router = APIRouter(tags=["operations"])


class HealthPublic(BaseModel):
    """The process is alive."""

    status: str = Field(examples=["ok"])


class ReadyPublic(BaseModel):
    """Everything that accepting slips and countersigning withdrawals needs is available.
    `blocks_cash_outs` is what keeps a server that has CASH_OUT_SIGNER_KEY from offering
    cash-outs."""

    status: str = Field(examples=["ready"])
    head_block: int = Field(examples=[examples.BLOCK])
    head_timestamp_s: int = Field(examples=[examples.NOW_S])
    odds_age_ms: int = Field(examples=[400])
    blocks_cash_outs: list[str] = Field(examples=[[]])


@router.get("/healthz")
async def healthz() -> HealthPublic:
    """Reports that the process is alive, without checking anything else."""
    return HealthPublic(status="ok")


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


@router.get("/metrics", response_class=Response, responses=responses(NotFound))
async def metrics(services: ServicesDep, request: Request) -> Response:
    """Returns metrics in Prometheus' text format, to the addresses in METRICS_CLIENTS."""
    client = request.client.host if request.client else ""
    if not is_among(client, services.settings.metrics_clients):
        raise NotFound("There is nothing at this path.")
    return Response(services.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
