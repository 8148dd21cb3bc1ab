"""Serves bets on the chain and the house's book."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query

from backend.bets import repository
from backend.bets.models import BetLegPublic, BetPage, BetPublic, HousePublic
from backend.bets.state import state_of
from backend.fields import AccountNumber
from backend.markets.names import kind_name, outcome_labels
from backend.mirror.bets import bets_of_account
from backend.paging import PagingByTwo
from backend.problems import BodyMalformed, NotFound, NotReady, mirror_missing, responses
from backend.services import ServicesDep
from protocol.limits import MAX_BATCH, MAX_BETS
from protocol.market_id import PERIOD_NAMES, MarketId

router = APIRouter(prefix="/v1", tags=["bets"])


@router.get("/accounts/{account}/bets", responses=responses(BodyMalformed, NotReady))
async def get_bets(
    services: ServicesDep,
    account: AccountNumber,
    status: Annotated[
        Literal["open", "settled"] | None,
        Query(description="Only open bets, or only settled ones; all by default."),
    ] = None,
    *,
    paging: PagingByTwo,
) -> BetPage:
    """Lists the bets of an account that are on the chain, newest first."""
    statement = bets_of_account(status, before=paging.cursor is not None)
    parameters = {**services.mirror_key, "account": account}
    page = await paging.read(services.database, statement, parameters, ("batch", "bet"))
    return BetPage(bets=[_bet(row) for row in page.rows], next_cursor=page.next_cursor)


@router.get("/bets/{batch}/{bet}", responses=responses(NotFound, BodyMalformed, NotReady))
async def get_bet(
    services: ServicesDep,
    batch: Annotated[int, Path(ge=1, le=MAX_BATCH, description="Number of the batch.")],
    bet: Annotated[int, Path(ge=0, lt=MAX_BETS, description="Index of the bet in the batch.")],
) -> BetPublic:
    """Returns a bet by its batch and its index in the batch."""
    row = await repository.bet(services.database, services.mirror_key, batch, bet)
    if row is None:
        raise NotFound(f"Bet {bet} of batch {batch} is not on the chain.")
    return _bet(row)


@router.get("/house", responses=responses(NotReady))
async def get_house(services: ServicesDep) -> HousePublic:
    """Returns the bankroll and the open bets as the contract counts them."""
    row = await repository.book(services.database, services.mirror_key)
    if row is None:
        raise mirror_missing()
    free_micro = row["pool_micro"] - row["owed_micro"] - row["locked_micro"]
    return HousePublic(
        pool_micro=str(row["pool_micro"]),
        owed_micro=str(row["owed_micro"]),
        locked_micro=str(row["locked_micro"]),
        free_micro=str(max(0, free_micro)),
        batch_count=row["batch_count"],
        paused=row["paused"],
        head_block=row["head_block"],
        head_timestamp_s=row["head_timestamp_s"],
    )


def _bet(row: dict[str, Any]) -> BetPublic:
    settled = row["payout_micro"] is not None
    return BetPublic(
        batch=row["batch"],
        bet=row["bet"],
        account=row["account"],
        nonce=row["nonce"],
        stake_micro=str(row["stake_micro"]),
        payout_max_micro=str(row["payout_max_micro"]),
        accepted_at_s=row["accepted_at_s"],
        state=state_of(row),
        payout_micro=str(row["payout_micro"]) if settled else None,
        settled_at_s=row["settled_at_s"],
        rest_of=row["rest_of"],
        instead_of=row["instead_of"],
        stage=row["stage"],
        legs=[_leg(leg) for leg in row["legs"] or ()],
        tx_hash=f"0x{bytes(row['tx_hash']).hex()}",
        settlement_tx_hash=f"0x{bytes(row['settlement_tx_hash']).hex()}" if settled else None,
    )


def _leg(leg: dict[str, Any]) -> BetLegPublic:
    market = MarketId.unpack(bytes.fromhex(leg["market"]))
    return BetLegPublic(
        fixture=leg["fixture"],
        competition=leg["competition"],
        market=f"0x{leg['market']}",
        kind=kind_name(market),
        period=PERIOD_NAMES[market.period],
        outcome=outcome_labels(market)[leg["outcome"]],
        outcome_number=leg["outcome"],
        odds_e4=leg["odds_e4"],
    )
