"""Quotes odds for a bet that its owner places on the chain: everything is read, checked and signed
first, then one SQL transaction keeps what the bet could take of account and house.

A quote is a free option for its owner, so it is short. What could be placed with it is reserved
like a pending slip: no slip that the house accepts later can lose its nonce or its stake to a
quote.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace

from psycopg.errors import LockNotAvailable

from backend.accounts.context import AccountContext, account_context, check_owned
from backend.accounts.repository import account_states, lock_accounts
from backend.database import Connection, read_all
from backend.formatting import tokens
from backend.house_keys import KeyState
from backend.markets.repository import fixtures_of
from backend.own_limits.repository import changes_of, use_of
from backend.own_limits.rules import check_stake
from backend.problems import NotReady, bankroll_missing, busy, mirror_missing
from backend.quotes import repository
from backend.quotes.models import QuoteAsk
from backend.quotes.refusals import QuoteBudgetExceeded, QuoteTooLarge, QuoteUnavailable
from backend.quotes.repository import Outstanding, StoredQuote
from backend.services import Services, receipt_key_refused
from backend.sessions.store import Session
from backend.slips import reserves
from backend.slips.account_checks import check_account
from backend.slips.house_checks import (
    Capacity,
    check_capacity,
    check_caps,
    kept_for_slips,
    quotes_of_account,
    risk_of,
)
from backend.slips.legs import OpenedMarkets, ResolvedLegs, market_id_of
from backend.slips.refusals import CapExceeded, ExposureExceeded, OddsStale
from backend.slips.repository import capacity, lock_bankroll, locked_of_fixtures
from backend.slips.submissions import limits_of, live_odds, offers_of
from backend.slips.terms import LiveOffers, Terms, check_legs, check_terms
from protocol.keccak import keccak
from protocol.limits import BUDGET_PERIOD_S
from protocol.typed_data import Quote, Slip

# A quote that lasts less could not be sent and mined.
LEAST_LIFE_S = 5


@dataclass(frozen=True, slots=True)
class Quoted:
    """A quote that is stored and what was signed, with the owner, the minimum odds that were asked
    for, and whether it was signed for this request."""

    stored: StoredQuote
    message: Quote
    owner: str
    min_odds_e4: int
    new: bool


@dataclass(frozen=True, slots=True)
class _Priced:
    """A bet that could be quoted."""

    slip: Slip
    legs: ResolvedLegs
    terms: Terms


async def quote(services: Services, session: Session, ask: QuoteAsk) -> Quoted:
    """A signed quote for a bet of the session's owner. Raises the refusal when there is none."""
    budget_micro, life_s = services.settings.quote_budget_micro, services.settings.quote_s
    if budget_micro is None or life_s is None:
        raise QuoteUnavailable(
            "This house signs no quotes: its operator has not set QUOTE_BUDGET_MICRO. Submit a"
            " signed slip instead."
        )
    context = await account_context(services, ask.account, receipt_key_refused)
    check_owned(ask.account, context.owner, session.address)
    await services.limiter.count("account", str(ask.account))
    if (reason := await services.migration_missing()) is not None:
        raise NotReady(reason, retry_after_s=5)
    legs = await _legs(services, ask)
    asked = _asked(ask)
    earlier = await _earlier(services, ask, asked)
    if earlier is not None:
        return _quoted(earlier, legs, context, ask, new=False)
    priced = await _price(services, ask, legs, context)
    _check_stake(risk_of(priced.slip, priced.terms), quotes_of_account(budget_micro))
    deadline_s = _deadline_s(context, priced.legs, life_s)
    made = await _signed(services, asked, priced, context.now_s, deadline_s)
    try:
        stored = await _keep(services, made, priced, context, budget_micro)
    except LockNotAvailable:
        raise busy() from None
    return _quoted(stored, legs, context, ask, new=stored.id == made.id)


async def _legs(services: Services, ask: QuoteAsk) -> ResolvedLegs:
    async with services.database.connection() as connection:
        fixtures = await fixtures_of(connection, {market_id_of(leg) for leg in ask.legs})
    return OpenedMarkets.of(fixtures).legs(ask.legs)


async def _earlier(services: Services, ask: QuoteAsk, asked: bytes) -> StoredQuote | None:
    """The same quote, if it was signed before and can still be used."""
    async with services.database.connection() as connection:
        live = await repository.live_quote(connection, services.mirror_key, ask.account, ask.nonce)
    return live if live is not None and live.asked == asked else None


async def _price(
    services: Services, ask: QuoteAsk, legs: ResolvedLegs, context: AccountContext
) -> _Priced:
    limits = limits_of(services)
    slip = Slip(
        account=ask.account,
        stake_micro=int(ask.stake_micro),
        min_odds_e4=ask.min_odds_e4,
        nonce=ask.nonce,
        # Nothing is signed with it.
        deadline_s=context.now_s + 1,
        legs=legs.legs,
    )
    check_legs(slip, limits)
    odds = await live_odds(services, {status.packed for status in legs.leg_statuses})
    if isinstance(odds, OddsStale):
        raise odds
    offers = LiveOffers(offers_of(legs, odds), odds.age_ms)
    return _Priced(slip, legs, check_terms(slip, offers, limits, context.now_s))


def _deadline_s(context: AccountContext, legs: ResolvedLegs, life_s: int) -> int:
    """The contract ends a quote at the start that a market names, but does not know of one that was
    brought forward. Raises QuoteUnavailable."""
    closes_at_s = [
        min(leg.market.starts_at_s, status.closes_at_s) - 1
        for leg, status in zip(legs.legs, legs.leg_statuses, strict=True)
        if not leg.market.in_play
    ]
    deadline_s = min([context.now_s + life_s, *closes_at_s])
    if deadline_s < context.now_s + LEAST_LIFE_S:
        raise QuoteUnavailable("A match is about to start: it is too late for a quote.")
    return deadline_s


async def _signed(
    services: Services, asked: bytes, priced: _Priced, now_s: int, deadline_s: int
) -> StoredQuote:
    slip, terms = priced.slip, priced.terms
    unsigned = StoredQuote(
        id=uuid.uuid4(),
        account=slip.account,
        nonce=slip.nonce,
        asked=asked,
        stake_micro=slip.stake_micro,
        risk_micro=risk_of(slip, terms),
        odds_e4=list(terms.odds_e4),
        quoted_at_s=now_s,
        deadline_s=deadline_s,
        house_signature=b"",
    )
    digest = services.domain.digest(_message(unsigned, priced.legs).struct_hash())
    return replace(unsigned, house_signature=await services.receipt_signer.sign(digest))


async def _keep(
    services: Services,
    made: StoredQuote,
    priced: _Priced,
    context: AccountContext,
    budget_micro: int,
) -> StoredQuote:
    """Store the quote if account and house can cover it beside all else; returns the one that is
    stored. Raises the refusal."""
    async with services.database.transaction() as connection:
        await lock_accounts(connection, [made.account])
        await lock_bankroll(connection)
        key, block = services.mirror_key, context.house.block
        live = await repository.live_quote(connection, key, made.account, made.nonce)
        if live is not None and live.asked == made.asked:
            return live
        await _check_owner_side(services, connection, priced.slip, context.now_s)
        others = await repository.outstanding(connection, key, made.account, block)
        _check_quotes(made.risk_micro, others, budget_micro)
        _check_key(made.risk_micro, others, budget_micro, context.house.receipt_key)
        await _check_house(services, connection, priced, context, others)
        await repository.insert_quote(connection, made)
    return made


async def _check_owner_side(
    services: Services, connection: Connection, slip: Slip, now_s: int
) -> None:
    """Raises what refuses a slip of this account."""
    key = services.mirror_key
    state = (await account_states(connection, key, [slip.account])).get(slip.account)
    if state is None:
        raise mirror_missing()
    check_account(slip, state, state.nonces(services.windows.receipt_window_s))
    changes = (await changes_of(connection, [slip.account])).get(slip.account)
    if changes:
        use = await use_of(connection, key, slip.account, now_s)
        check_stake(changes, use, slip.stake_micro, now_s)


async def _check_house(
    services: Services,
    connection: Connection,
    priced: _Priced,
    context: AccountContext,
    others: Outstanding,
) -> None:
    """Raises QuoteBudgetExceeded, and what refuses a slip that the bankroll, or a cap of the
    contract, does not allow. As with slips, they are counted one by one, under the house's lock,
    only where the running totals leave too little."""
    key, block = services.mirror_key, context.house.block
    fixture = priced.slip.legs[0].market.fixture
    rows, locked_rows = await read_all(
        connection, reserves.kept_query(key, block), reserves.locked_query(key, [fixture])
    )
    kept = reserves.kept_of_rows(rows)
    if kept is not None and kept.capacity is not None:
        locked = reserves.locked_of_rows(locked_rows)
        try:
            _check_cover(priced, context, kept.capacity, locked.get(fixture, {}), others)
        except (QuoteBudgetExceeded, ExposureExceeded, CapExceeded):
            pass
        else:
            return
    held = await capacity(connection, key, block)
    if held is None:
        raise bankroll_missing()
    locked = await locked_of_fixtures(connection, key, [fixture])
    _check_cover(priced, context, held, locked.get(fixture, {}), others)


def _check_cover(
    priced: _Priced,
    context: AccountContext,
    held: Capacity,
    locked_micro: Mapping[bytes, int],
    others: Outstanding,
) -> None:
    """Raises what `_check_house` raises, by what the house has left."""
    slip, terms, house = priced.slip, priced.terms, context.house
    held = held.beside_quotes(others.all_micro)
    _check_left(risk_of(slip, terms), house.receipt_key.left_micro - held.outstanding_budget_micro)
    check_capacity(slip, terms, held, house.limits.receipt_reserve_micro)
    check_caps(
        slip,
        terms,
        priced.legs.leg_statuses[0].packed,
        house.limits,
        locked_micro,
        held.accumulators_micro,
        others.all_micro,
    )


def _check_quotes(risk_micro: int, others: Outstanding, budget_micro: int) -> None:
    """Raises QuoteBudgetExceeded."""
    own_left_micro = quotes_of_account(budget_micro) - others.own_micro
    left_micro = min(budget_micro - others.all_micro, own_left_micro)
    _check_left(risk_micro, left_micro)


def _check_key(risk_micro: int, others: Outstanding, budget_micro: int, key: KeyState) -> None:
    """Raises QuoteBudgetExceeded when bets placed by quotes would take of the key's budget what is
    kept for slips."""
    spare_micro = key.left_micro - kept_for_slips(budget_micro, key.budget_micro)
    left_micro = spare_micro - others.all_micro
    if risk_micro > left_micro:
        available_micro = max(0, left_micro)
        missing_micro = max(0, risk_micro - spare_micro)
        wait_s = max(60, -(-missing_micro * BUDGET_PERIOD_S // max(1, key.budget_micro)))
        raise QuoteBudgetExceeded(
            f"The bet could pay {tokens(risk_micro)} above its stake; earlier bets have used the"
            f" house's budget, which recovers over a day, and {tokens(available_micro)} is left"
            " for quotes. Reduce the stake, or submit a signed slip.",
            retry_after_s=wait_s,
            needed_micro=str(risk_micro),
            available_micro=str(available_micro),
        )


def _check_stake(risk_micro: int, most_micro: int) -> None:
    """Raises QuoteTooLarge."""
    if risk_micro > most_micro:
        raise QuoteTooLarge(
            f"The bet could pay {tokens(risk_micro)} above its stake; all quotes of one account"
            f" may pay at most {tokens(most_micro)}. Reduce the stake.",
            needed_micro=str(risk_micro),
            max_micro=str(most_micro),
        )


def _check_left(risk_micro: int, left_micro: int) -> None:
    """Raises QuoteBudgetExceeded."""
    if risk_micro > left_micro:
        available_micro = max(0, left_micro)
        raise QuoteBudgetExceeded(
            f"The bet could pay {tokens(risk_micro)} above its stake; until signed quotes"
            f" are used or expire, {tokens(available_micro)} is left. Reduce the stake, try again"
            " in a minute, or submit a signed slip.",
            retry_after_s=60,
            needed_micro=str(risk_micro),
            available_micro=str(available_micro),
        )


def _quoted(
    stored: StoredQuote, legs: ResolvedLegs, context: AccountContext, ask: QuoteAsk, *, new: bool
) -> Quoted:
    return Quoted(stored, _message(stored, legs), context.owner, ask.min_odds_e4, new)


def _message(stored: StoredQuote, legs: ResolvedLegs) -> Quote:
    """What the house signs."""
    return Quote(
        account=stored.account,
        nonce=stored.nonce,
        max_stake_micro=stored.stake_micro,
        deadline_s=stored.deadline_s,
        odds_e4=tuple(stored.odds_e4),
        legs=legs.legs,
    )


def _asked(ask: QuoteAsk) -> bytes:
    """The hash of what is asked for."""
    return keccak(ask.model_dump_json().encode())
