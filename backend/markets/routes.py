"""Serves fixtures and markets."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Response

from backend.conditional import NOT_MODIFIED, IfNoneMatch, codings, headers_of, not_modified
from backend.markets import repository
from backend.markets.models import FixturePublic, MarketPublic, fixture_public, market_public
from backend.problems import BodyMalformed, NotFound, NotReady, responses
from backend.services import ServicesDep

router = APIRouter(prefix="/v1", tags=["markets"])

FixtureId = Annotated[str, Path(pattern="^0x[0-9a-fA-F]{32}$", description="Id of the fixture.")]
MarketHex = Annotated[str, Path(pattern="^0x[0-9a-fA-F]{64}$", description="Id of the market.")]


@router.get(
    "/fixtures",
    response_model=list[FixturePublic],
    responses={**NOT_MODIFIED, **responses(BodyMalformed, NotReady)},
)
async def get_fixtures(
    services: ServicesDep,
    which: Annotated[
        Literal["open", "all"],
        Query(description="`open` for fixtures that have not started, `all` for every fixture."),
    ] = "open",
    if_none_match: IfNoneMatch = None,
    accept_encoding: Annotated[str, Header(include_in_schema=False)] = "",
) -> Any:
    """Lists fixtures with their markets, by start."""
    if which == "all":
        odds = services.current_odds()
        return [
            fixture_public(fixture, odds)
            for fixture in await repository.all_fixtures(services.database)
        ]
    board = await services.board.at(await services.now_s())
    if (known := not_modified(if_none_match, board.etag)) is not None:
        return known
    headers = headers_of(board.etag)
    body = board.body
    if "gzip" in codings(accept_encoding):
        body, headers["Content-Encoding"] = await services.board.zipped(board), "gzip"
    return Response(body, media_type="application/json", headers=headers)


@router.get("/fixtures/{fixture}", responses=responses(NotFound, BodyMalformed))
async def get_fixture(services: ServicesDep, fixture: FixtureId) -> FixturePublic:
    """Returns one fixture with its markets, open or not."""
    found = await repository.fixture(services.database, bytes.fromhex(fixture[2:]))
    if found is None:
        raise NotFound(f"Fixture {fixture} was not opened; GET /v1/fixtures lists those that were.")
    return fixture_public(found, services.current_odds())


@router.get("/markets/{market}", responses=responses(NotFound, BodyMalformed))
async def get_market(services: ServicesDep, market: MarketHex) -> MarketPublic:
    """Returns one market, open or not."""
    found = await repository.market(services.database, bytes.fromhex(market[2:]))
    if found is None:
        raise NotFound(f"Market {market} was not opened; GET /v1/fixtures lists those that were.")
    return market_public(found, services.current_odds())
