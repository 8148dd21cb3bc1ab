"""Reports whether a process that serves nothing but the stream has live odds."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from backend.problems import NotReady
from backend.stream_services import StreamServicesDep

router = APIRouter(tags=["operations"])

# The app marks odds as stale from this age on, too.
_STALE_MS = 5_000


class StreamReadyPublic(BaseModel):
    """The odds of this process are live."""

    status: str = Field(examples=["ready"])
    odds_age_ms: int = Field(examples=[400])


@router.get("/readyz")
async def readyz(services: StreamServicesDep) -> StreamReadyPublic:
    """Reports whether the odds that are sent here are live."""
    age_ms = services.odds_copy.age_ms()
    if not services.odds_copy.heartbeat_received:
        raise NotReady("No odds were received yet; start python -m backend.odds.", retry_after_s=2)
    if age_ms > _STALE_MS:
        raise NotReady(
            f"The odds process has sent nothing for {age_ms / 1_000:.0f} s, or Redis at REDIS_URL"
            " does not answer.",
            retry_after_s=2,
        )
    return StreamReadyPublic(status="ready", odds_age_ms=age_ms)
