"""Offers a price for a bet: everything is read and signed first, then one SQL transaction keeps
what the key's budget must have.

The house signs for final bets alone: an offer names a bet by its batch and place, and after a reorg
another bet of the account could be there.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg.errors import LockNotAvailable

from backend.accounts.context import AccountContext, account_context
from backend.cash_outs import repository
from backend.cash_outs.legs import ValuedLegs, value_legs
from backend.cash_outs.pricing import SinglePart, locked_change, price_down
from backend.cash_outs.refusals import (
    BetEnded,
    BetOfAnother,
    CashOutBudgetExceeded,
    CashOutStakeInvalid,
    CashOutTooEarly,
    CashOutUnavailable,
)
from backend.cash_outs.repository import Offer
from backend.chain_view import CashOutTerms
from backend.formatting import tokens, utc
from backend.house_keys import key_refused
from backend.house_signer import HouseSigner
from backend.mirror.cash_outs import MOST_WITHOUT_EFFECT
from backend.problems import NotFound, NotReady, bankroll_missing, busy
from backend.services import Services
from backend.sessions.store import Session
from backend.slips.repository import capacity, lock_bankroll
from protocol.exposure import Exposure
from protocol.roles import Role
from protocol.typed_data import CashOut

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Offered:
    """A signed offer, what is signed, and the bet that it is for."""

    offer: Offer
    message: CashOut
    bet: Row


async def offer(
    services: Services, session: Session, batch: int, bet: int, stake_micro: int
) -> Offered:
    """A signed offer for a bet of the session's owner, or for a part of it. Raises the refusal when
    there is none."""
    signer = signer_of(services)
    row = await repository.offerable(services.database, services.mirror_key, batch, bet)
    if row is None:
        raise NotFound(f"Bet {bet} of batch {batch} is not on the chain.")
    context = await account_context(services, row["account"], lambda *_: None)
    if context.owner.lower() != session.address.lower():
        raise BetOfAnother(
            f"The bet belongs to {context.owner}; sign in with that wallet.", owner=context.owner
        )
    await services.limiter.count("account", str(row["account"]))
    terms = await services.chain.cash_out_terms(signer.address)
    _check_key(terms, signer, context.now_s)
    if await repository.is_unrelayed(services.database, row["account"]):
        raise CashOutUnavailable(
            f"{MOST_WITHOUT_EFFECT} cash-outs of this account missed their deadline within 24"
            " hours, for example because they were signed in an offer's last seconds. No offer is"
            " made for a day."
        )
    _check_bet(row, stake_micro, terms.age_s, context.now_s)
    _check_part(row["stake_micro"], stake_micro, services.settings.min_stake_micro)
    legs = await value_legs(services, row["legs"], context.now_s, context.accepted_at_s)
    price_micro = price_down(stake_micro, legs.values)
    if not price_micro:
        raise CashOutUnavailable("The bet is worth less than the smallest unit now.")
    message = CashOut(
        account=row["account"],
        batch=batch,
        bet=bet,
        stake_micro=stake_micro,
        price_micro=price_micro,
        offered_at_s=context.accepted_at_s,
        deadline_s=_deadline_s(services, context, legs),
    )
    raised_micro = _locked_change(row, stake_micro)
    made = Offer(
        id=uuid.uuid4(),
        account=message.account,
        batch=batch,
        bet=bet,
        stake_micro=stake_micro,
        price_micro=price_micro,
        budget_micro=price_micro + max(0, raised_micro),
        offered_at_s=message.offered_at_s,
        deadline_s=message.deadline_s,
        house_signature=await signer.sign(services.domain.digest(message.struct_hash())),
    )
    try:
        await _keep(services, made, terms, context, price_micro - stake_micro + raised_micro)
    except LockNotAvailable:
        raise busy() from None
    return Offered(made, message, row)


def signer_of(services: Services) -> HouseSigner:
    """Who signs cash-outs. Raises CashOutUnavailable."""
    if services.cash_out_signer is None:
        raise CashOutUnavailable(
            "This server makes no offers: its operator has not set CASH_OUT_SIGNER_KEY."
        )
    return services.cash_out_signer


def _check_key(terms: CashOutTerms, signer: HouseSigner, now_s: int) -> None:
    """Raises NotReady."""
    reason = key_refused(terms.key, Role.CASH_OUTS, signer.address, "CASH_OUT_SIGNER_KEY", now_s)
    if reason is not None:
        raise NotReady(reason, retry_after_s=10)


def _check_bet(row: Row, stake_micro: int, age_s: int, now_s: int) -> None:
    """Raises BetEnded, CashOutStakeInvalid or CashOutTooEarly."""
    if row["ended"]:
        raise BetEnded(
            "The bet is settled, cashed out or replaced; GET /v1/bets/{batch}/{bet} says which."
        )
    if stake_micro > row["stake_micro"]:
        raise CashOutStakeInvalid(
            f"The stake of the bet is {tokens(row['stake_micro'])}; you asked for"
            f" {tokens(stake_micro)}.",
            stake_micro=str(row["stake_micro"]),
        )
    open_from_s = row["accepted_at_s"] + age_s
    if row["head_timestamp_s"] < open_from_s:
        raise CashOutTooEarly(
            f"The contract lets a bet be cashed out {age_s} s after it was accepted, from"
            f" {utc(open_from_s)} on; it is now {utc(now_s)}.",
            retry_after_s=max(1, open_from_s - row["head_timestamp_s"]),
            open_from_s=open_from_s,
        )
    if not row["final"]:
        raise CashOutTooEarly(
            "The bet's block is not final on the chain yet; try again in a while.",
            retry_after_s=10,
            open_from_s=open_from_s,
        )


def _check_part(bet_micro: int, stake_micro: int, min_micro: int) -> None:
    """The house pays for the transaction of every part. Raises CashOutStakeInvalid."""
    if stake_micro < bet_micro and min(stake_micro, bet_micro - stake_micro) < min_micro:
        raise CashOutStakeInvalid(
            f"A part of a bet, and what stays of it, must be at least {tokens(min_micro)} each;"
            f" or cash out all {tokens(bet_micro)}.",
            stake_micro=str(bet_micro),
        )


def _deadline_s(services: Services, context: AccountContext, legs: ValuedLegs) -> int:
    """The last second of an offer. The contract ends it at the start that a market names, but does
    not know of one that was brought forward. Raises CashOutUnavailable."""
    deadline_s = context.accepted_at_s + services.settings.cash_out_offer_s
    if legs.closes_at_s is None:
        return deadline_s
    if legs.closes_at_s - 1 <= context.accepted_at_s:
        raise CashOutUnavailable("The match is about to start: no offer is made any more.")
    return min(deadline_s, legs.closes_at_s - 1)


def _locked_change(row: Row, stake_micro: int) -> int:
    """By how much what the house locks rises; an accumulator's end never raises it, so 0."""
    legs = row["legs"]
    if len(legs) > 1 or row["exposure"] is None:
        return 0
    [leg] = legs
    part = SinglePart(
        market=bytes.fromhex(leg["market"]),
        outcome=leg["outcome"],
        stake_micro=row["stake_micro"],
        part_micro=stake_micro,
        odds_e4=leg["odds_e4"],
    )
    return locked_change(part, Exposure(*row["exposure"]))


async def _keep(
    services: Services,
    made: Offer,
    terms: CashOutTerms,
    context: AccountContext,
    used_micro: int,
) -> None:
    """Store the offer if budget and bankroll can pay for it beside all others. Raises
    CashOutBudgetExceeded and CashOutUnavailable."""
    async with services.database.transaction() as connection:
        await lock_bankroll(connection)
        others = await repository.outstanding(connection, made, context.accepted_at_s)
        left_micro = max(0, terms.key.left_micro - others.budget_micro)
        if made.budget_micro > left_micro:
            raise CashOutBudgetExceeded(
                f"The offer takes {tokens(made.budget_micro)} of what the house may pay for"
                f" cash-outs in a day, of which {tokens(left_micro)} is left; cash out a smaller"
                " part, or try again later.",
                retry_after_s=60,
                needed_micro=str(made.budget_micro),
                available_micro=str(left_micro),
            )
        held = await capacity(connection, services.mirror_key, context.house.block)
        if held is None:
            raise bankroll_missing()
        reserve_micro = context.house.limits.receipt_reserve_micro
        free_micro = held.available_micro - reserve_micro - others.free_micro
        if 0 < used_micro > free_micro:
            raise CashOutUnavailable(
                "The bankroll's free money is reserved for open bets and receipts; cash out a"
                " smaller part, or try again later.",
                retry_after_s=60,
            )
        await repository.insert_offer(connection, made)
