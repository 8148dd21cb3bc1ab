"""Builds the app of a process that serves nothing but the stream, which `python -m backend.stream`
runs: it holds no key, and a fan-out to thousands does not hold up bets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Depends, FastAPI

from backend import problems
from backend.ops.middleware import BodyLimit, wrap
from backend.ops.process_routes import router as process
from backend.ops.request_count import count_request
from backend.settings import load_settings
from backend.starting import starting
from backend.stream.events import router as events
from backend.stream.readiness import router as ready
from backend.stream.routes import router as stream
from backend.stream_services import StreamServices
from backend.stream_settings import StreamSettings


def create_app() -> FastAPI:
    """The app for the settings in the environment. Exits with code 2 when they cannot be used."""
    with starting("stream"):
        services = StreamServices.for_stream(load_settings(StreamSettings, "stream"))
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
