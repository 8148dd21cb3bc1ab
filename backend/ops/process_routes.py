"""Serves /healthz and /metrics of any process."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from backend.api.client_address import is_among
from backend.problems import NotFound, responses
from backend.stream_services import StreamServicesDep

router = APIRouter(tags=["operations"])


class HealthPublic(BaseModel):
    """The process is alive."""

    status: str = Field(examples=["ok"])


@router.get("/healthz")
async def healthz() -> HealthPublic:
    """Reports that the process is alive, without checking anything else."""
    return HealthPublic(status="ok")


@router.get("/metrics", response_class=Response, responses=responses(NotFound))
async def metrics(services: StreamServicesDep, request: Request) -> Response:
    """Returns metrics in Prometheus' text format, to the addresses in METRICS_CLIENTS."""
    client = request.client.host if request.client else ""
    if not is_among(client, services.settings.metrics_clients):
        raise NotFound("There is nothing at this path.")
    return Response(services.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
