"""Owns the paths of fixtures and markets."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query

from backend.markets import repository
from backend.markets.models import FixturePublic, MarketPublic, fixture_public, market_public
from backend.problems import BodyMalformed, NotFound, NotReady, responses
from backend.services import Services, services
from backend.stream.feed import Odds

router = APIRouter(prefix="/v1", tags=["markets"])

Parts = Annotated[Services, Depends(services)]
FixtureId = Annotated[str, Path(pattern="^0x[0-9a-fA-F]{32}$")]
MarketHex = Annotated[str, Path(pattern="^0x[0-9a-fA-F]{64}$")]


@router.get("/fixtures", responses=responses(NotReady))
async def get_fixtures(
    parts: Parts, which: Annotated[Literal["open", "all"], Query()] = "open"
) -> list[FixturePublic]:
    """The fixtures that take bets, by start; `which=all` adds those that have started."""
    if which == "all":
        found = await repository.all_fixtures(parts.database)
    else:
        found = await repository.open_fixtures(parts.database, await parts.now_s())
    odds = _offered(parts)
    return [fixture_public(fixture, odds) for fixture in found]


@router.get("/fixtures/{fixture}", responses=responses(NotFound, BodyMalformed))
async def get_fixture(parts: Parts, fixture: FixtureId) -> FixturePublic:
    """One fixture, open or not."""
    found = await repository.fixture(parts.database, bytes.fromhex(fixture[2:]))
    if found is None:
        raise NotFound(f"No fixture {fixture} was opened; GET /v1/fixtures lists them.")
    return fixture_public(found, _offered(parts))


@router.get("/markets/{market}", responses=responses(NotFound, BodyMalformed))
async def get_market(parts: Parts, market: MarketHex) -> MarketPublic:
    """One market, open or not."""
    found = await repository.fixtures_of(parts.database, [bytes.fromhex(market[2:])])
    if not found:
        raise NotFound(f"No market {market} was opened; GET /v1/fixtures lists them.")
    return market_public(found[0].markets[0], _offered(parts))


def _offered(parts: Services) -> Odds:
    """Odds that may be shown: none when the odds process is not at work."""
    return parts.feed.odds if parts.feed.age_ms() <= parts.settings.max_odds_age_ms else {}
