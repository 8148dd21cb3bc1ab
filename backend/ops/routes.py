"""Serves /healthz, /readyz, /metrics and the API reference."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from backend import examples
from backend.ops.readiness import readiness
from backend.ops.reference import STYLE, reference_page
from backend.problems import NotReady, responses
from backend.services import ServicesDep

router = APIRouter(tags=["operations"])


class HealthPublic(BaseModel):
    """The process is alive."""

    status: str = Field(examples=["ok"])


class ReadyPublic(BaseModel):
    """Everything that accepting slips needs is available."""

    status: str = Field(examples=["ready"])
    head_block: int = Field(examples=[examples.BLOCK])
    head_timestamp_s: int = Field(examples=[examples.NOW_S])
    odds_age_ms: int = Field(examples=[400])


@router.get("/healthz")
async def healthz() -> HealthPublic:
    """Reports that the process is alive, without checking anything else."""
    return HealthPublic(status="ok")


@router.get("/readyz", responses=responses(NotReady))
async def readyz(services: ServicesDep) -> ReadyPublic:
    """Reports whether slips can be accepted; the refusal names everything that is missing."""
    found = await readiness(services)
    if found.missing:
        missing = list(found.missing)
        raise NotReady(" ".join(missing), retry_after_s=2, missing=missing)
    return ReadyPublic(
        status="ready",
        head_block=found.head_block,
        head_timestamp_s=found.head_timestamp_s,
        odds_age_ms=services.feed.age_ms(),
    )


@router.get("/metrics", response_class=Response)
async def metrics(services: ServicesDep) -> Response:
    """Returns metrics in Prometheus' text format."""
    return Response(services.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/docs", response_class=HTMLResponse, include_in_schema=False)
async def reference(request: Request) -> HTMLResponse:
    """Serves the API reference as a page."""
    return HTMLResponse(reference_page(request.app.openapi()))


@router.get("/docs/style.css", include_in_schema=False)
async def reference_style() -> Response:
    """Serves the styles of the reference, which add to those of the site."""
    return Response(STYLE, media_type="text/css")
