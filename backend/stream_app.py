"""Builds the app of a process that serves nothing but the stream, which `python -m backend.stream`
runs: it holds no key, and a fan-out to thousands does not hold up bets."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from pydantic import BaseModel, Field

from backend import problems
from backend.api.connection_limits import DescriptorsTooFew
from backend.deployment import DeploymentInvalid
from backend.logs import configure_logs
from backend.ops.middleware import BodyLimit, wrap
from backend.ops.process_routes import router as process
from backend.ops.request_count import count_request
from backend.problems import NotReady
from backend.settings import load_settings
from backend.stream.events import router as events
from backend.stream.routes import router as stream
from backend.stream_services import StreamServices, StreamServicesDep
from backend.stream_settings import StreamSettings

ready = APIRouter(tags=["operations"])

# As the app shows odds that are older: not as live.
_STALE_MS = 5_000


class StreamReadyPublic(BaseModel):
    """The odds of this process are live."""

    status: str = Field(examples=["ready"])
    odds_age_ms: int = Field(examples=[400])


@ready.get("/readyz")
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


def create_app() -> FastAPI:
    """The app for the settings in the environment. Exits with code 2 when they cannot be used."""
    configure_logs()
    try:
        services = StreamServices.for_stream(load_settings(StreamSettings, "stream"))
    except (DeploymentInvalid, DescriptorsTooFew) as error:
        print(f"stream: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    return build(services)


def build(services: StreamServices) -> FastAPI:
    """The app over these services."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with services.running():
            # For the protocols of backend.api.
            yield {"connections": services.connections}

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.services = services
    problems.install(app)
    app.include_router(stream)
    app.include_router(events, dependencies=[Depends(count_request)])
    app.include_router(process)
    app.include_router(ready)
    app.add_middleware(BodyLimit)
    wrap(app, services)
    return app
