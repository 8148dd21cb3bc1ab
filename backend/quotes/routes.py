"""Serves quotes, for bets that owners place on the chain themselves."""

from __future__ import annotations

from fastapi import APIRouter, Response

from backend.accounts.refusals import AccountOfAnother, AccountUnknown, BalanceInsufficient
from backend.api.json_bodies import JsonRoute
from backend.chain_view import ChainUnreachable
from backend.own_limits.refusals import LIMIT_REFUSALS
from backend.problems import BODY_REFUSALS, NotReady, Problem, RateLimited, responses
from backend.quotes.call import place_quoted, quoted_batch
from backend.quotes.models import QuoteAsk, QuotePublic
from backend.quotes.quoting import Quoted, quote
from backend.quotes.refusals import QuoteBudgetExceeded, QuoteTooLarge, QuoteUnavailable
from backend.services import Services, ServicesDep
from backend.sessions.caller import NEEDS_SESSION, SessionDep
from backend.sessions.refusals import SESSION_REFUSALS
from backend.slips import refusals as slips
from protocol.payout import full_payout_down
from protocol.signatures import pair
from protocol.wallet_messages import message_of

QUOTE_REFUSALS: tuple[type[Problem], ...] = (
    *BODY_REFUSALS,
    *SESSION_REFUSALS,
    QuoteUnavailable,
    QuoteTooLarge,
    QuoteBudgetExceeded,
    AccountUnknown,
    AccountOfAnother,
    BalanceInsufficient,
    *LIMIT_REFUSALS,
    slips.StakeInvalid,
    slips.StakeTooSmall,
    slips.StakeTooLarge,
    slips.PayoutTooLarge,
    slips.TooManyLegs,
    slips.LegsCorrelated,
    slips.MarketUnknown,
    slips.MarketClosed,
    slips.MarketStarted,
    slips.OddsMoved,
    slips.OddsStale,
    slips.AccountExcluded,
    slips.NonceUsed,
    slips.NonceCancelled,
    slips.NonceTooFar,
    slips.TooManyPending,
    slips.ExposureExceeded,
    slips.CapExceeded,
    RateLimited,
    ChainUnreachable,
    NotReady,
)

router = APIRouter(prefix="/v1", tags=["quotes"], route_class=JsonRoute)


@router.post(
    "/quotes",
    status_code=201,
    openapi_extra=NEEDS_SESSION,
    responses={
        200: {"model": QuotePublic, "description": "It was signed before, and can still be used."},
        **responses(*QUOTE_REFUSALS),
    },
)
async def post_quote(
    services: ServicesDep, session: SessionDep, response: Response, ask: QuoteAsk
) -> QuotePublic:
    """Signs odds for a bet that the caller's wallet places on the chain itself, paying the gas:
    without the operator's batches, and open to contract wallets. Repeating the request returns the
    same quote for as long as it can be used."""
    quoted = await quote(services, session, ask)
    response.status_code = 201 if quoted.new else 200
    return _public(services, quoted)


def _public(services: Services, quoted: Quoted) -> QuotePublic:
    stored, message = quoted.stored, quoted.message
    batch = quoted_batch(message, quoted.min_odds_e4)
    house = pair(stored.house_signature)
    return QuotePublic(
        account=stored.account,
        nonce=stored.nonce,
        max_stake_micro=str(stored.stake_micro),
        quoted_at_s=stored.quoted_at_s,
        deadline_s=stored.deadline_s,
        odds_e4=stored.odds_e4,
        payout_max_micro=str(full_payout_down(stored.stake_micro, message.odds_e4)),
        message=message_of(message),
        digest=f"0x{services.domain.digest(message.struct_hash()).hex()}",
        r=f"0x{house[0].hex()}",
        vs=f"0x{house[1].hex()}",
        signer=services.receipt_signer.address,
        chain_id=services.deployment.chain_id,
        to=services.deployment.sportsbook,
        sender=quoted.owner,
        batch=f"0x{batch.hex()}",
        data=f"0x{place_quoted(message, batch, house).hex()}",
    )
