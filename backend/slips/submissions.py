"""Prices a group of submitted slips: everything that can be checked without a lock.

What the slips need is read once for all of them; each is then checked by itself, in the order in
which the API reports refusals.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from redis.exceptions import RedisError

from backend.accounts.check_signature import check_signature
from backend.accounts.context import AccountContext, AccountContexts, contexts_query
from backend.chain_view import HouseState
from backend.database import read_all
from backend.markets.repository import fixtures_of_rows, markets_query
from backend.odds import redis_messages
from backend.problems import NotReady, RateLimited
from backend.reports.outlook import Outlook, check_outlook
from backend.services import Services, receipt_key_refused
from backend.slips import repository
from backend.slips.legs import OpenedMarkets, ResolvedLegs, market_id_of
from backend.slips.models import SlipCreate
from backend.slips.refusals import IdempotencyConflict, OddsStale
from backend.slips.repository import AcceptedSlip, Submitted
from backend.slips.terms import Limits, LiveOffers, Offer, Terms, check_legs, check_terms
from backend.stream_services import REDIS_TIMEOUT_S
from protocol.market_id import FIXTURE_BYTES
from protocol.typed_data import Receipt, Slip

log = structlog.get_logger("api")


@dataclass(frozen=True, slots=True)
class Submission:
    """A slip as it was sent, and the key of the request if it has one."""

    create: SlipCreate
    idempotency_key: str | None


@dataclass(frozen=True, slots=True)
class Commitment:
    """A slip that could be accepted at `now_s`: the packed ids of its markets, its bettor's
    signature, its terms, the receipt, and what the house may commit; `expected_wait_s` is how long
    it will wait to be placed. It was priced at `priced_at` of the monotonic clock."""

    slip: Slip
    markets: tuple[bytes, ...]
    signature: bytes
    terms: Terms
    accepted: AcceptedSlip
    house: HouseState
    now_s: int
    expected_wait_s: int
    priced_at: float = field(default_factory=time.monotonic)

    @property
    def submitted(self) -> Submitted:
        """What the submission is known by."""
        accepted = self.accepted
        return Submitted(self.slip.account, accepted.idempotency_key, accepted.struct_hash)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """An accepted slip, whether this request accepted it, and how long one that is accepted now
    will wait to be placed, in seconds."""

    slip: AcceptedSlip
    new: bool
    expected_wait_s: int | None = None


@dataclass(frozen=True, slots=True)
class _Signed:
    """A slip that its owner signed."""

    slip: Slip
    legs: ResolvedLegs
    signature: bytes
    submitted: Submitted
    context: AccountContext


@dataclass(frozen=True, slots=True)
class LiveOdds:
    """The odds of markets as they are in Redis, None where there are none, and the age of the
    odds process's last heartbeat."""

    published: Mapping[bytes, redis_messages.Published | None]
    age_ms: int


@dataclass(frozen=True, slots=True)
class _Known:
    """What the database knows of a group's slips: accounts and markets; what is wrong with the
    tables, and the worker's last report, if there is one."""

    contexts: AccountContexts
    opened: OpenedMarkets
    missing: str | None
    outlook: Outlook | None


Priced = Commitment | Acceptance | Exception


async def price(services: Services, submissions: Sequence[Submission]) -> list[Priced]:
    """For each submission the commitment that the house could make, the acceptance of before, or
    the refusal. Raises ChainUnreachable, and what the database raises."""
    house = await services.house.state()
    creates = [submission.create for submission in submissions]
    markets = {market_id_of(leg) for create in creates for leg in create.legs}
    known, odds = await asyncio.gather(
        _read(services, house, creates, markets), live_odds(services, markets)
    )
    limits = limits_of(services)
    results: list[_Signed | Priced] = [
        await _signed(services, submission, known, limits) for submission in submissions
    ]
    counted = await _count(services, results)
    priced = [
        counted.get(place) or await _priced(services, one, known, odds, limits)
        if isinstance(one, _Signed)
        else one
        for place, one in enumerate(results)
    ]
    await _find_earlier(services, results, priced, counted, known.outlook)
    return priced


async def _read(
    services: Services, house: HouseState, creates: Sequence[SlipCreate], markets: set[bytes]
) -> _Known:
    """What the database knows of these slips, in one round trip."""
    async with services.database.connection() as connection:
        accounts, fixtures, revision, report = await read_all(
            connection,
            contexts_query(services, (create.account for create in creates)),
            markets_query(markets),
            services.revision_query,
            services.report_query,
        )
    return _Known(
        AccountContexts.of_rows(services, house, accounts, receipt_key_refused),
        OpenedMarkets.of(fixtures_of_rows(fixtures)),
        services.revision_refused(revision[0] if revision else None),
        Outlook(**report[0]) if report else None,
    )


def limits_of(services: Services) -> Limits:
    """The slips that the house accepts, from its settings."""
    settings = services.settings
    return Limits(
        min_stake_micro=settings.min_stake_micro,
        max_stake_micro=settings.max_stake_micro,
        max_payout_micro=settings.max_payout_micro,
        max_legs=settings.max_legs,
        max_deadline_s=min(settings.max_deadline_s, services.windows.receipt_window_s),
        max_odds_age_ms=settings.max_odds_age_ms,
    )


def same_slip(earlier: Sequence[AcceptedSlip], submitted: Submitted) -> AcceptedSlip:
    """The slip that was accepted before. Raises IdempotencyConflict when the key is that of another
    one."""
    for accepted in earlier:
        if (
            accepted.idempotency_key == submitted.idempotency_key
            and accepted.struct_hash != submitted.struct_hash
        ):
            raise IdempotencyConflict(
                "This Idempotency-Key was used for another slip; use a new key for a new slip.",
                slip=str(accepted.id),
            )
    return earlier[0]


async def _signed(
    services: Services, submission: Submission, known: _Known, limits: Limits
) -> _Signed | Exception:
    create = submission.create
    try:
        context = known.contexts.of(create.account)
        legs = known.opened.legs(create.legs)
        slip = Slip(
            account=create.account,
            stake_micro=int(create.stake_micro),
            min_odds_e4=create.min_odds_e4,
            nonce=create.nonce,
            deadline_s=create.deadline_s,
            legs=legs.legs,
        )
        check_legs(slip, limits)
        # Contract wallets cannot bet here. One that confirms its signature to us, denies it to the
        # batch, and confirms it again to its own enforcement could choose, for as long as receipts
        # are valid, whether it has a bet.
        signature = await check_signature(
            services.domain, slip, bytes.fromhex(create.signature[2:]), context.owner, chain=None
        )
    except Exception as error:
        # Whatever it is, it is this slip's alone.
        return error
    struct_hash = slip.struct_hash()
    key = submission.idempotency_key or f"0x{struct_hash.hex()}"
    return _Signed(slip, legs, signature, Submitted(slip.account, key, struct_hash), context)


async def _count(
    services: Services, results: Sequence[_Signed | Priced]
) -> dict[int, RateLimited | None]:
    """Counts the signed slips of each account; for the places of those that count the refusal, if
    they are too many. What has expired does not count, and what was accepted before is given back:
    the chain shows both, and so anybody can send them."""
    counted = [
        (place, str(one.slip.account))
        for place, one in enumerate(results)
        if isinstance(one, _Signed) and one.slip.deadline_s > one.context.now_s
    ]
    refusals = await services.limiter.count_all("account", [account for _, account in counted])
    return {place: refusal for (place, _), refusal in zip(counted, refusals, strict=True)}


async def give_back(services: Services, slips: Iterable[Slip]) -> None:
    """Take back that slips were counted: they were accepted before."""
    await services.limiter.give_back("account", [str(slip.account) for slip in slips])


async def _priced(
    services: Services, signed: _Signed, known: _Known, odds: LiveOdds | OddsStale, limits: Limits
) -> Priced:
    try:
        if known.missing is not None:
            raise NotReady(known.missing, retry_after_s=5)
        wait_s = check_outlook(known.outlook)
        if isinstance(odds, OddsStale):
            raise odds
        offers = LiveOffers(offers_of(signed.legs, odds), odds.age_ms)
        terms = check_terms(signed.slip, offers, limits, signed.context.now_s)
        accepted = await _with_receipt(services, signed, terms)
    except Exception as error:
        return error
    context = signed.context
    return Commitment(
        slip=signed.slip,
        markets=tuple(status.packed for status in signed.legs.leg_statuses),
        signature=signed.signature,
        terms=terms,
        accepted=accepted,
        house=context.house,
        now_s=context.now_s,
        expected_wait_s=wait_s,
    )


async def _find_earlier(
    services: Services,
    signed: Sequence[_Signed | Priced],
    priced: list[Priced],
    counted: Container[int],
    outlook: Outlook | None,
) -> None:
    """Replaces the refusals of slips that were accepted before. Those that are not refused, the
    commit finds."""
    refused = [
        (place, one)
        for place, (one, result) in enumerate(zip(signed, priced, strict=True))
        if isinstance(one, _Signed) and isinstance(result, Exception)
    ]
    if not refused:
        return
    async with services.database.connection() as connection:
        found = await repository.accepted_slips(connection, [one.submitted for _, one in refused])
    repeated = zip(refused, found, strict=True)
    await give_back(
        services, (one.slip for (place, one), earlier in repeated if earlier and place in counted)
    )
    wait_s = None if outlook is None else outlook.expected_wait_s
    for (place, one), earlier in zip(refused, found, strict=True):
        if earlier:
            try:
                priced[place] = Acceptance(same_slip(earlier, one.submitted), False, wait_s)
            except IdempotencyConflict as conflict:
                priced[place] = conflict


async def _with_receipt(services: Services, signed: _Signed, terms: Terms) -> AcceptedSlip:
    """The slip with the receipt that the house would sign for it; nothing is stored yet."""
    submitted, accepted_at_s = signed.submitted, signed.context.accepted_at_s
    receipt = Receipt(submitted.struct_hash, accepted_at_s, terms.odds_e4)
    return AcceptedSlip(
        id=uuid.uuid4(),
        account=submitted.account,
        struct_hash=submitted.struct_hash,
        idempotency_key=submitted.idempotency_key,
        accepted_at_s=accepted_at_s,
        odds_e4=terms.odds_e4,
        payout_max_micro=terms.payout_max_micro,
        receipt_signature=await services.receipt_signer.sign(
            services.domain.digest(receipt.struct_hash())
        ),
    )


async def live_odds(services: Services, markets: Iterable[bytes]) -> LiveOdds | OddsStale:
    """The odds of all legs as they are in Redis now, or the refusal when it cannot be read."""
    by_fixture: dict[bytes, list[bytes]] = {}
    for market in markets:
        by_fixture.setdefault(market[:FIXTURE_BYTES], []).append(market)
    try:
        async with (
            asyncio.timeout(REDIS_TIMEOUT_S),
            services.redis.pipeline(transaction=True) as pipeline,
        ):
            pipeline.get(redis_messages.HEARTBEAT_KEY)
            for fixture, its_markets in by_fixture.items():
                names = [f"0x{market.hex()}" for market in its_markets]
                pipeline.hmget(redis_messages.hash_key(fixture), names)
            heartbeat, *answers = await pipeline.execute()
    except (RedisError, OSError) as error:
        services.redis_fault.began(type(error).__name__)
        return OddsStale("The odds cannot be read; try again.", retry_after_s=2)
    services.redis_fault.ended()
    now_ms = redis_messages.now_ms()
    published = {
        market: _published(field)
        for its_markets, fields in zip(by_fixture.values(), answers, strict=True)
        for market, field in zip(its_markets, fields, strict=True)
    }
    return LiveOdds(published, now_ms - int(heartbeat) if heartbeat is not None else now_ms)


def _published(field: bytes | None) -> redis_messages.Published | None:
    """The odds in a field; None for what cannot be read, which closes its market alone."""
    if field is None:
        return None
    try:
        return redis_messages.Published.read(field)
    except (KeyError, TypeError, ValueError):
        log.warning("api.odds_field_malformed")
        return None


def offers_of(legs: ResolvedLegs, odds: LiveOdds) -> list[Offer]:
    """The offer for each leg."""
    return [
        Offer(status.fixture, status.market, odds.published[status.packed], status.closes_at_s)
        for status in legs.leg_statuses
    ]
