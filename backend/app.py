"""Builds the HTTP app, which `python -m backend.api` serves. It keeps no state of its own, so any
number of copies answer alike."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from starlette.routing import BaseRoute
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


@cache
def _routes(with_local_control: bool) -> Sequence[BaseRoute]:
    """The routes of every router, with the models that FastAPI makes for each. They keep no state,
    so all apps of a process share them."""
    all_routes = APIRouter(generate_unique_id_function=lambda route: route.name)
    limited = [Depends(count_request)]
    for router in (
        *(markets, prices, slips, accounts, limits, bets, cash_outs, quotes, liquidity),
        *(relays, contracts, proof, sessions),
        *([local_control] if with_local_control else []),
    ):
        all_routes.include_router(router, dependencies=limited, responses=responses(RateLimited))
    all_routes.include_router(stream)
    all_routes.include_router(tickets)
    all_routes.include_router(events, dependencies=limited, responses=responses(RateLimited))
    all_routes.include_router(process)
    all_routes.include_router(ready)
    all_routes.include_router(reference)
    return all_routes.routes


@cache
def _document(with_local_control: bool, public_url: str, cookie: str) -> dict[str, Any]:
    return openapi_of(_routes(with_local_control), public_url, cookie)


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
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        # A redirect would name the host that the client says it asked.
        redirect_slashes=False,
    )
    public_url, cookie = services.settings.public_url, cookie_name(services)
    with_local_control = is_allowed(services)
    app.openapi = partial(_document, with_local_control, public_url, cookie)  # type: ignore[method-assign]
    app.state.services = services
    app.state.acceptances = Acceptances(services)
    problems.install(app)
    app.router.routes.extend(_routes(with_local_control))
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
