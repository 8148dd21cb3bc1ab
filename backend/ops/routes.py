"""Owns /healthz, /readyz, /metrics and the page of the reference."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse
from psycopg import Error as DatabaseError
from psycopg_pool import PoolClosed, PoolTimeout
from pydantic import BaseModel
from redis.exceptions import RedisError

from backend.migrate import head
from backend.ops.reference import STYLE, reference_page
from backend.problems import NotReady, responses
from backend.services import MIRROR_MISSING, Services, services, signer_missing
from backend.slips.repository import SIGNER_KNOWN

router = APIRouter(tags=["operations"])

_REVISION = "SELECT version_num FROM backend.alembic_version"
_HEAD = f"""
SELECT d.head_block, d.head_timestamp_s, {SIGNER_KNOWN} FROM mirror.deployment d
WHERE d.chain_id = %(chain_id)s AND lower(d.sportsbook) = lower(%(sportsbook)s)
"""  # noqa: S608 - the fragment is a constant of ours


class HealthPublic(BaseModel):
    """The process answers."""

    status: str


class ReadyPublic(BaseModel):
    """All that acceptance needs is there."""

    status: str
    head_block: int
    head_timestamp_s: int
    odds_age_ms: int


@router.get("/healthz")
async def healthz() -> HealthPublic:
    """Whether the process is alive; asks nobody."""
    return HealthPublic(status="ok")


@router.get("/readyz", responses=responses(NotReady))
async def readyz(parts: Annotated[Services, Depends(services)]) -> ReadyPublic:
    """Whether bets can be accepted; the refusal names everything that is missing."""
    missing: list[str] = []
    block = timestamp_s = 0
    try:
        async with parts.database.connection() as connection:
            missing += await _unmigrated(parts, head())
            asked = {**parts.key, "signer": parts.signer.address}
            row = await (await connection.execute(_HEAD, asked)).fetchone()
            if row is None or row["head_block"] is None:
                missing.append(MIRROR_MISSING)
            else:
                block, timestamp_s = int(row["head_block"]), int(row["head_timestamp_s"] or 0)
                if not row["signer_known"]:
                    missing.append(signer_missing(parts))
    except (PoolTimeout, PoolClosed):
        missing.append("The database at DATABASE_URL does not answer.")
    except DatabaseError:
        missing.append("The mirror's tables are missing; run python -m indexer migrate.")
    missing += await _odds_missing(parts)
    if missing:
        raise NotReady(" ".join(missing), retry_after_s=2, missing=missing)
    return ReadyPublic(
        status="ready",
        head_block=block,
        head_timestamp_s=timestamp_s,
        odds_age_ms=parts.feed.age_ms(),
    )


@router.get("/metrics", response_class=Response)
async def metrics(parts: Annotated[Services, Depends(services)]) -> Response:
    """Metrics in Prometheus' text format."""
    return Response(parts.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/docs", response_class=HTMLResponse, include_in_schema=False)
async def reference(request: Request) -> HTMLResponse:
    """The API's reference for people."""
    return HTMLResponse(reference_page(request.app.openapi()))


@router.get("/docs/style.css", include_in_schema=False)
async def reference_style() -> Response:
    """How the reference looks, beside the page's own style."""
    return Response(STYLE, media_type="text/css")


async def _unmigrated(parts: Services, wanted: str) -> list[str]:
    try:
        row = await parts.database.row(_REVISION, {})
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


async def _odds_missing(parts: Services) -> list[str]:
    try:
        await parts.redis.ping()
    except (RedisError, OSError):
        return ["Redis at REDIS_URL does not answer."]
    if parts.feed.age_ms() > parts.settings.max_odds_age_ms:
        said = "was last heard too long ago" if parts.feed.heard else "was never heard"
        return [f"The odds process {said}; start python -m backend.odds."]
    return []
