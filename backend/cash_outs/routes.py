"""Serves offers to cash out, and takes their owners' signatures."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path

from backend.accounts.check_signature import check_signature
from backend.accounts.refusals import (
    SIGNATURE_REFUSALS,
    AccountUnknown,
    AmountInvalid,
    ContractSignatureUnsupported,
)
from backend.api.json_bodies import JsonRoute
from backend.cash_outs import repository
from backend.cash_outs.models import (
    CashOutAccept,
    CashOutAsk,
    CashOutOfferPublic,
    CashOutPublic,
    CashOutRun,
)
from backend.cash_outs.offering import Offered, offer, signer_of
from backend.cash_outs.refusals import (
    BetEnded,
    BetOfAnother,
    CashOutBudgetExceeded,
    CashOutExpired,
    CashOutStakeInvalid,
    CashOutTooEarly,
    CashOutUnavailable,
)
from backend.cash_outs.status import status_of
from backend.chain_view import ChainUnreachable
from backend.formatting import utc
from backend.mirror.accounts import CONTEXTS
from backend.problems import (
    BODY_REFUSALS,
    BodyMalformed,
    NotFound,
    NotReady,
    RateLimited,
    mirror_missing,
    responses,
)
from backend.services import Services, ServicesDep
from backend.sessions.caller import NEEDS_SESSION, SessionDep
from backend.sessions.refusals import SESSION_REFUSALS
from backend.slips.refusals import OddsStale
from protocol.limits import MAX_BATCH, MAX_BETS
from protocol.placed_event import unpack_batch
from protocol.signatures import pair
from protocol.typed_data import CashOut
from protocol.wallet_messages import message_of

router = APIRouter(prefix="/v1", tags=["cash-outs"], route_class=JsonRoute)

OfferId = Annotated[uuid.UUID, Path(description="`id` of the offer.")]


@router.post(
    "/bets/{batch}/{bet}/cash-out",
    status_code=201,
    openapi_extra=NEEDS_SESSION,
    responses=responses(
        *BODY_REFUSALS,
        *SESSION_REFUSALS,
        AmountInvalid,
        NotFound,
        AccountUnknown,
        BetOfAnother,
        BetEnded,
        CashOutStakeInvalid,
        CashOutTooEarly,
        CashOutUnavailable,
        CashOutBudgetExceeded,
        OddsStale,
        RateLimited,
        ChainUnreachable,
        NotReady,
    ),
)
async def post_cash_out_offer(
    services: ServicesDep,
    session: SessionDep,
    batch: Annotated[int, Path(ge=1, le=MAX_BATCH, description="Number of the batch.")],
    bet: Annotated[int, Path(ge=0, lt=MAX_BETS, description="Index of the bet in the batch.")],
    ask: CashOutAsk,
) -> CashOutOfferPublic:
    """Offers a price for an open bet of the caller, or for a part of it, for some seconds."""
    offered = await offer(services, session, batch, bet, int(ask.stake_micro))
    return _offer_public(services, offered)


@router.post(
    "/cash-outs/{offer_id}",
    responses=responses(
        *BODY_REFUSALS,
        NotFound,
        *SIGNATURE_REFUSALS,
        ContractSignatureUnsupported,
        CashOutExpired,
        RateLimited,
        NotReady,
    ),
)
async def post_cash_out(
    services: ServicesDep, offer_id: OfferId, accept: CashOutAccept
) -> CashOutPublic:
    """Accepts an offer by its owner's signature; the worker sends it to the chain, and pays for
    that. Asked again, nothing changes."""
    row = await _row(services, offer_id)
    owner = await _owner(services, row["account"])
    await services.limiter.count("account", str(row["account"]))
    # No contract is asked: it could confirm its signature to us and deny it on the chain, and the
    # house would pay for each transaction that reverts.
    signature = await check_signature(
        services.domain, _message(row), bytes.fromhex(accept.signature[2:]), owner, chain=None
    )
    if row["owner_signature"] is None:
        if row["expired"]:
            raise CashOutExpired(
                f"The offer ended at {utc(row['deadline_s'])}; ask for another one.",
                deadline_s=row["deadline_s"],
            )
        async with services.database.transaction() as connection:
            await repository.accept_offer(connection, offer_id, signature)
        row = await _row(services, offer_id)
    return _public(row)


@router.get("/cash-outs/{offer_id}", responses=responses(NotFound, BodyMalformed, NotReady))
async def get_cash_out(services: ServicesDep, offer_id: OfferId) -> CashOutPublic:
    """Returns what became of an offer."""
    return _public(await _row(services, offer_id))


async def _row(services: Services, offer_id: uuid.UUID) -> dict[str, Any]:
    row = await repository.offer(services.database, services.mirror_key, offer_id)
    if row is None:
        # Without a mirror no offer is found, which is another answer.
        await services.now_s()
        raise NotFound(f"No offer {offer_id} was made.")
    return row


async def _owner(services: Services, account: int) -> str:
    row = await services.database.row(CONTEXTS, {**services.mirror_key, "accounts": [account]})
    if row is None or row["owner"] is None:
        raise mirror_missing()
    return str(row["owner"])


def _message(row: Mapping[str, Any]) -> CashOut:
    return CashOut(
        account=row["account"],
        batch=row["batch"],
        bet=row["bet"],
        stake_micro=row["stake_micro"],
        price_micro=row["price_micro"],
        offered_at_s=row["offered_at_s"],
        deadline_s=row["deadline_s"],
    )


def _offer_public(services: Services, offered: Offered) -> CashOutOfferPublic:
    made, bet = offered.offer, offered.bet
    part = unpack_batch(bytes(bet["markets"]), bytes(bet["records"])).part(made.bet, 1)
    r, vs = pair(made.house_signature)
    return CashOutOfferPublic(
        id=made.id,
        account=made.account,
        batch=made.batch,
        bet=made.bet,
        stake_micro=str(made.stake_micro),
        price_micro=str(made.price_micro),
        rest_micro=str(bet["stake_micro"] - made.stake_micro),
        offered_at_s=made.offered_at_s,
        deadline_s=made.deadline_s,
        message=message_of(offered.message),
        digest=f"0x{services.domain.digest(offered.message.struct_hash()).hex()}",
        r=f"0x{r.hex()}",
        vs=f"0x{vs.hex()}",
        signer=signer_of(services).address,
        contract=services.domain.contract,
        run=CashOutRun(
            batch=made.batch,
            first=part.first,
            markets=f"0x{part.markets.hex()}",
            records=f"0x{part.records.hex()}",
            proof=[f"0x{one.hex()}" for one in part.proof],
        ),
    )


def _public(row: Mapping[str, Any]) -> CashOutPublic:
    status = status_of(row)
    found = row["settlement_tx_hash"] if status == "paid" else row["tx_hash"]
    return CashOutPublic(
        id=row["id"],
        batch=row["batch"],
        bet=row["bet"],
        stake_micro=str(row["stake_micro"]),
        price_micro=str(row["price_micro"]),
        deadline_s=row["deadline_s"],
        status=status,
        tx_hash=None if found is None else f"0x{bytes(found).hex()}",
    )
