"""Serves /healthz, /readyz, /metrics and the API reference."""

from __future__ import annotations

import asyncio
import time

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from psycopg import Error as DatabaseError
from psycopg_pool import PoolClosed, PoolTimeout
from pydantic import BaseModel, Field
from redis.exceptions import RedisError

from backend import examples
from backend.chain_view import ChainUnreachable
from backend.migrate import head
from backend.mirror.deployment import HEAD
from backend.ops.reference import STYLE, reference_page
from backend.problems import NotReady, responses
from backend.services import (
    MIRROR_MISSING,
    Services,
    ServicesDep,
    receipt_key_refused,
    withdrawal_key_refused,
)

router = APIRouter(tags=["operations"])

# How long each probe may take.
PROBE_S = 2.0

_REVISION = "SELECT version_num FROM backend.alembic_version"


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
    missing: list[str] = []
    block = timestamp_s = 0
    try:
        async with asyncio.timeout(PROBE_S), services.database.connection() as connection:
            missing += await _migration_missing(services, head())
            row = await (await connection.execute(HEAD, services.mirror_key)).fetchone()
            if row is None:
                missing.append(MIRROR_MISSING)
            else:
                block, timestamp_s = int(row["head_block"]), int(row["head_timestamp_s"] or 0)
    except (PoolTimeout, PoolClosed, TimeoutError):
        missing.append("The database at DATABASE_URL does not answer.")
    except DatabaseError:
        missing.append("The mirror's tables are missing; run python -m indexer migrate.")
    if timestamp_s and services.settings.clock == "wall":
        skew = services.skew_refused(int(time.time()), timestamp_s)
        missing += [] if skew is None else [skew]
    if timestamp_s:
        missing += await _keys_missing(services, timestamp_s)
    missing += await _odds_missing(services)
    if missing:
        raise NotReady(" ".join(missing), retry_after_s=2, missing=missing)
    return ReadyPublic(
        status="ready",
        head_block=block,
        head_timestamp_s=timestamp_s,
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


async def _migration_missing(services: Services, wanted: str) -> list[str]:
    try:
        row = await services.database.row(_REVISION, {})
    except DatabaseError:
        row = None
    if row is None:
        return ["The backend's tables are missing; run python -m backend.migrate."]
    if row["version_num"] != wanted:
        return [
            f"The backend's tables are at revision {row['version_num']}, not {wanted};"
            " run python -m backend.migrate."
        ]
    return []


async def _keys_missing(services: Services, now_s: int) -> list[str]:
    try:
        async with asyncio.timeout(PROBE_S):
            house = await services.house.state()
    except TimeoutError:
        return ["The chain node at RPC_URL does not answer."]
    except ChainUnreachable as error:
        return [f"The chain node at RPC_URL cannot be used: {error.detail}"]
    refused = (
        receipt_key_refused(services, house, now_s),
        withdrawal_key_refused(services, house, now_s),
    )
    return [reason for reason in refused if reason is not None]


async def _odds_missing(services: Services) -> list[str]:
    try:
        async with asyncio.timeout(PROBE_S):
            await services.redis.ping()
    except (RedisError, OSError):
        return ["Redis at REDIS_URL does not answer."]
    if services.feed.age_ms() > services.settings.max_odds_age_ms:
        received = services.feed.heartbeat_received
        state = "stopped sending heartbeats" if received else "has not sent a heartbeat yet"
        return [f"The odds process {state}; start python -m backend.odds."]
    return []
