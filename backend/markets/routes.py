"""Serves fixtures and markets."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from backend.markets import repository
from backend.markets.models import FixturePublic, MarketPublic, fixture_public, market_public
from backend.problems import BodyMalformed, NotFound, NotReady, responses
from backend.services import Services, ServicesDep
from backend.stream.odds_copy import Odds

router = APIRouter(prefix="/v1", tags=["markets"])

FixtureId = Annotated[str, Path(pattern="^0x[0-9a-fA-F]{32}$", description="Id of the fixture.")]
MarketHex = Annotated[str, Path(pattern="^0x[0-9a-fA-F]{64}$", description="Id of the market.")]


@router.get("/fixtures", responses=responses(BodyMalformed, NotReady))
async def get_fixtures(
    services: ServicesDep,
    which: Annotated[
        Literal["open", "all"],
        Query(description="`open` for fixtures that have not started, `all` for every fixture."),
    ] = "open",
) -> list[FixturePublic]:
    """Lists fixtures with their markets, by start."""
    if which == "all":
        found = await repository.all_fixtures(services.database)
    else:
        found = await repository.open_fixtures(services.database, await services.now_s())
    odds = _current_odds(services)
    return [fixture_public(fixture, odds) for fixture in found]


@router.get("/fixtures/{fixture}", responses=responses(NotFound, BodyMalformed))
async def get_fixture(services: ServicesDep, fixture: FixtureId) -> FixturePublic:
    """Returns one fixture with its markets, open or not."""
    found = await repository.fixture(services.database, bytes.fromhex(fixture[2:]))
    if found is None:
        raise NotFound(f"Fixture {fixture} was not opened; GET /v1/fixtures lists those that were.")
    return fixture_public(found, _current_odds(services))


@router.get("/markets/{market}", responses=responses(NotFound, BodyMalformed))
async def get_market(services: ServicesDep, market: MarketHex) -> MarketPublic:
    """Returns one market, open or not."""
    found = await repository.market(services.database, bytes.fromhex(market[2:]))
    if found is None:
        raise NotFound(f"Market {market} was not opened; GET /v1/fixtures lists those that were.")
    return market_public(found, _current_odds(services))


def _current_odds(services: Services) -> Odds:
    """The odds that may be shown: none while the odds process is not running."""
    return (
        services.odds_copy.odds
        if services.odds_copy.age_ms() <= services.settings.max_odds_age_ms
        else {}
    )
