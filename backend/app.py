"""Owns putting the HTTP app together: `uvicorn --factory backend.app:create_app`. Keeps no state of
its own: every copy of the process answers the same."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.staticfiles import StaticFiles

from backend import problems
from backend.accounts.routes import router as accounts
from backend.api_settings import read_settings
from backend.bets.routes import router as bets
from backend.markets.routes import router as markets
from backend.ops.middleware import BodyLimit, Surroundings
from backend.ops.routes import router as ops
from backend.problems import RateLimited, responses
from backend.services import Services, services
from backend.slips.routes import router as slips
from backend.stream.routes import router as stream
from backend.transactions.deployment import DeploymentInvalid

PAGE = Path(__file__).resolve().parents[1] / "web"

DESCRIPTION = """
Live odds, signed slips and the bets on the chain.

Amounts are decimal strings of micro-units (10^-6 of the token), odds are decimal odds x 10^4, times
are unix seconds of the clock by which the house works (`now_s` of `/v1/typed-data`). Every refusal
is a problem (RFC 9457) with a stable `code`. Live odds come over the WebSocket `/v1/stream`.
"""


async def count_request(request: Request, parts: Annotated[Services, Depends(services)]) -> None:
    """Count a request of the client's address. Raises RateLimited."""
    address = request.client.host if request.client else "unknown"
    await parts.limiter.count("address", address)


def create_app() -> FastAPI:
    """The app of this environment. Ends the process with code 2 when it cannot be set up."""
    try:
        parts = Services.make(read_settings())
    except DeploymentInvalid as error:
        print(f"api: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    return build(parts)


def build(parts: Services) -> FastAPI:
    """The app over these parts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with parts.running():
            yield

    app = FastAPI(
        title="Fairline",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.services = parts
    problems.install(app)
    limited = [Depends(count_request)]
    for router in (markets, slips, accounts, bets):
        app.include_router(router, dependencies=limited, responses=responses(RateLimited))
    app.include_router(stream)
    app.include_router(ops)
    app.mount("/", StaticFiles(directory=PAGE, html=True), name="page")
    app.add_middleware(BodyLimit)
    app.add_middleware(Surroundings, metrics=parts.metrics)
    return app
