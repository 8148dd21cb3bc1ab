"""Serves what the bankroll is worth, its providers' deposits and withdrawals, and what open bets on
each fixture could cost it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from backend.fields import ADDRESS
from backend.liquidity.models import (
    ExposurePage,
    FixtureExposure,
    LiquidityPublic,
    ShareMovementPage,
    ShareMovementPublic,
    SharePricePage,
    SharePricePublic,
)
from backend.liquidity.price_history import PRICES
from backend.mirror.deployment import HEAD
from backend.mirror.liquidity import EXPOSURES, LIQUIDITY, SHARE_MOVEMENTS
from backend.paging import MAX_PAGE, PagingByOne, PagingByTwo
from backend.problems import BodyMalformed, NotReady, mirror_missing, responses
from backend.services import ServicesDep
from protocol.exposure import Exposure, locked_micro
from protocol.limits import MAX_TIME_S, VOID_AFTER_S

router = APIRouter(prefix="/v1/liquidity", tags=["liquidity"])

DEFAULT_FIXTURES = 20


@router.get("", responses=responses(NotReady))
async def get_liquidity(services: ServicesDep) -> LiquidityPublic:
    """Returns the bankroll and the price of its shares, at the newest block of the mirror."""
    row = await services.database.row(LIQUIDITY, services.mirror_key)
    if row is None:
        raise mirror_missing()
    free_micro = row["pool_micro"] - row["owed_micro"] - row["locked_micro"]
    return LiquidityPublic(
        **{name: row[name] for name in ("commission_bps", "head_block", "head_timestamp_s")},
        **{
            name: str(row[name])
            for name in ("pool_micro", "owed_micro", "locked_micro", "accumulators_micro", "shares")
        },
        **{name: row[name] for name in ("commission_micro", "enter_micro", "leave_micro")},
        free_micro=str(max(0, free_micro)),
    )


@router.get("/prices", responses=responses(BodyMalformed, NotReady))
async def get_share_prices(
    services: ServicesDep,
    every_s: Annotated[
        int,
        Query(
            ge=1,
            le=MAX_TIME_S,
            description="Only the last price of each interval of so many seconds.",
        ),
    ] = 1,
    *,
    paging: PagingByOne,
) -> SharePricePage:
    """Lists how the price of a share has moved, newest first. At most one price is kept for each 5
    minutes, and for each day once it is older than 30 days. There are none from before the house
    began to record them."""
    page = await paging.read(services.database, PRICES, {"every_s": every_s}, ("at_s",))
    return SharePricePage(
        prices=[SharePricePublic(**row) for row in page.rows], next_cursor=page.next_cursor
    )


@router.get("/movements", responses=responses(BodyMalformed, NotReady))
async def get_share_movements(
    services: ServicesDep,
    owner: Annotated[
        str | None, Query(pattern=ADDRESS, description="Only those of this address.")
    ] = None,
    *,
    paging: PagingByTwo,
) -> ShareMovementPage:
    """Lists the deposits and withdrawals of the bankroll's providers, newest first: the price that
    each of them paid or was paid is the history of the share price."""
    parameters = {**services.mirror_key, "owner": owner}
    page = await paging.read(services.database, SHARE_MOVEMENTS, parameters, ("block", "log_index"))
    movements = [
        ShareMovementPublic(
            kind=row["kind"],
            owner=row["owner"],
            assets_micro=row["assets_micro"],
            shares=row["shares"],
            price_micro=row["price_micro"],
            at_s=row["at_s"],
            stage=row["stage"],
        )
        for row in page.rows
    ]
    return ShareMovementPage(movements=movements, next_cursor=page.next_cursor)


@router.get("/exposures", responses=responses(BodyMalformed, NotReady))
async def get_exposures(
    services: ServicesDep,
    most: Annotated[
        int, Query(ge=1, le=MAX_PAGE, description="Maximum number of fixtures.")
    ] = DEFAULT_FIXTURES,
) -> ExposurePage:
    """Lists the fixtures whose open single bets lock most of the bankroll. Accumulators, and slips
    that wait for their batch, are not in it."""
    head = await services.database.row(HEAD, services.mirror_key)
    if head is None:
        raise mirror_missing()
    # A match of before that is void, and its bets can be settled by anybody.
    since_s = head["head_timestamp_s"] - VOID_AFTER_S - 86_400
    rows = await services.database.rows(EXPOSURES, {**services.mirror_key, "since_s": since_s})
    fixtures = sorted(map(_exposure, rows), key=lambda one: -int(one.locked_micro))
    return ExposurePage(fixtures=fixtures[:most], count=len(fixtures))


def _exposure(row: dict[str, Any]) -> FixtureExposure:
    locked = 0
    for market_hex, *amounts, owed_micro in row["markets"]:
        # A market that is decided owes what its bets are paid, and locks nothing.
        if owed_micro is None:
            locked += locked_micro(bytes.fromhex(market_hex), Exposure(*amounts))
    return FixtureExposure(
        fixture=f"0x{bytes(row['id']).hex()}",
        name=row["name"],
        starts_at_s=row["starts_at_s"],
        markets=len(row["markets"]),
        stakes_micro=str(sum(amounts[-2] for _, *amounts in row["markets"])),
        locked_micro=str(locked),
    )
