"""Builds the HTTP app, which `python -m backend.api` serves. It keeps no state of its own, so any
number of copies answer alike."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI
from starlette.types import Receive, Scope, Send

from backend import problems
from backend.accounts.routes import router as accounts
from backend.api_settings import ApiSettings
from backend.bets.routes import router as bets
from backend.cash_outs.routes import router as cash_outs
from backend.contracts.routes import router as contracts
from backend.liquidity.routes import router as liquidity
from backend.local_control.allowed import is_allowed
from backend.local_control.routes import router as local_control
from backend.markets.routes import router as markets
from backend.openapi import openapi_of
from backend.ops.middleware import BodyLimit, wrap
from backend.ops.pages import Pages
from backend.ops.process_routes import router as process
from backend.ops.readiness import watch
from backend.ops.reference import SwaggerUi
from backend.ops.reference import router as reference
from backend.ops.request_count import count_request
from backend.ops.routes import router as ready
from backend.own_limits.routes import router as limits
from backend.prices.routes import router as prices
from backend.problems import RateLimited, responses
from backend.proof.routes import router as proof
from backend.quotes.routes import router as quotes
from backend.relays.routes import router as relays
from backend.services import Services
from backend.sessions.caller import cookie_name
from backend.sessions.routes import router as sessions
from backend.settings import load_settings
from backend.slips.acceptance import Acceptances
from backend.slips.hot_route import HotSlips
from backend.slips.reserve_keeper import ReserveKeeper
from backend.slips.routes import router as slips
from backend.starting import starting
from backend.stream.events import router as events
from backend.stream.routes import router as stream
from backend.stream.routes import tickets

PAGE = Path(__file__).resolve().parents[1] / "web" / "dist"

DESCRIPTION = """
Live odds, signed slips, and bets on the chain.

Amounts are decimal strings of micro-units (10^-6 of the token), odds are decimal odds x 10^4, and
times are unix seconds of the server's clock, which `now_s` of `/v1/typed-data` shows; on a test
system it can be the chain's time. Every refusal is a problem (RFC 9457) with a stable
`code`. Live odds are pushed over the WebSocket `/v1/stream`.
"""


class Api(FastAPI):
    """The app, which hands `hot` the requests that it is for."""

    hot: HotSlips | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.hot is not None and self.hot.is_for(scope):
            await self.hot(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def _freeze() -> None:
    """Have the garbage collector never look again at what is there from the start: a full
    collection would hold every request up."""
    gc.collect()
    gc.freeze()


def create_app() -> FastAPI:
    """The app for the settings in the environment. Exits with code 2 when they cannot be used."""
    with starting("api"):
        services = Services.from_settings(load_settings(ApiSettings, "api"))
    return build(services)


def build(services: Services) -> Api:
    """The app over these services."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with services.running():
            keeper = ReserveKeeper(services)
            tasks = [asyncio.create_task(watch(services)), asyncio.create_task(keeper.run())]
            _freeze()
            try:
                # For the protocols of backend.api.
                yield {"connections": services.connections}
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    app = Api(
        title="Fairline",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
        # A redirect would name the host that the client says it asked.
        redirect_slashes=False,
    )
    public_url, cookie = services.settings.public_url, cookie_name(services)
    app.openapi = cache(lambda: openapi_of(app, public_url, cookie))  # type: ignore[method-assign]
    app.state.services = services
    app.state.acceptances = Acceptances(services)
    problems.install(app)
    limited = [Depends(count_request)]
    for router in (
        *(markets, prices, slips, accounts, limits, bets, cash_outs, quotes, liquidity),
        *(relays, contracts, proof, sessions),
    ):
        app.include_router(router, dependencies=limited, responses=responses(RateLimited))
    if is_allowed(services):
        app.include_router(local_control, dependencies=limited, responses=responses(RateLimited))
    app.include_router(stream)
    app.include_router(tickets)
    app.include_router(events, dependencies=limited, responses=responses(RateLimited))
    app.include_router(process)
    app.include_router(ready)
    app.include_router(reference)
    app.mount("/docs/swagger-ui", SwaggerUi(), name="swagger-ui")
    app.router.routes.append(Pages(PAGE))
    app.add_middleware(BodyLimit)
    wrap(
        app,
        services,
        services.local_node,
        walletconnect=services.settings.walletconnect_project_id is not None,
    )
    app.hot = HotSlips(app, super(Api, app).__call__)
    return app
