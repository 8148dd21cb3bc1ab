"""Serves how the odds of a market have moved."""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from backend.conditional import NOT_MODIFIED, IfNoneMatch, headers_of, not_modified
from backend.fields import HEX_32
from backend.prices import repository
from backend.prices.models import PriceHistory, PricePoint
from backend.problems import BodyMalformed, NotFound, NotReady, responses
from backend.services import ServicesDep
from protocol.limits import MAX_TIME_S
from protocol.market_id import MarketId

MAX_POINTS = 300
DEFAULT_POINTS = 200

router = APIRouter(prefix="/v1", tags=["markets"])


@router.get(
    "/markets/{market}/prices",
    response_model=PriceHistory,
    responses={**NOT_MODIFIED, **responses(NotFound, BodyMalformed, NotReady)},
)
async def get_prices(
    services: ServicesDep,
    market: Annotated[str, Path(pattern=HEX_32, description="Id of the market.")],
    since_s: Annotated[
        int, Query(ge=0, le=MAX_TIME_S, description="The first point is what counted then.")
    ] = 0,
    points: Annotated[
        int, Query(ge=2, le=MAX_POINTS, description="Maximum number of points.")
    ] = DEFAULT_POINTS,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Returns how the odds of a market have moved, thinned to at most so many points: of each part
    of the time the last one. What is older than the server keeps is left out."""
    market_id = bytes.fromhex(market[2:])
    if not await repository.is_opened(services.database, market_id):
        raise NotFound(f"Market {market} was not opened; GET /v1/fixtures lists those that were.")
    found = await repository.points_of(services.database, market_id, since_s, points)
    body = PriceHistory(
        market=f"0x{market_id.hex()}",
        outcomes=list(MarketId.unpack(market_id).outcomes),
        points=[PricePoint(time_s=one.at_s, odds_e4=list(one.odds_e4)) for one in found],
    ).model_dump_json()
    etag = f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
    return not_modified(if_none_match, etag) or Response(
        body, media_type="application/json", headers=headers_of(etag)
    )
