"""Accepts slips: everything is read and signed first, then one SQL transaction commits the house.

A refused slip changes nothing. An accepted slip gets the same receipt however often it is
submitted.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import structlog
from psycopg.errors import LockNotAvailable
from redis.exceptions import RedisError

from backend.accounts.check_signature import check_signature
from backend.accounts.context import account_context
from backend.accounts.repository import account_state, lock_account
from backend.chain_view import HouseState
from backend.database import Connection
from backend.limits.repository import changes_of, use_of
from backend.limits.rules import check_stake
from backend.odds import live
from backend.problems import NotReady, busy
from backend.reports.outlook import check_outlook
from backend.services import REDIS_TIMEOUT_S, Services, mirror_missing, receipt_key_refused
from backend.slips import repository
from backend.slips.account_checks import check_account
from backend.slips.house_checks import check_budget, check_capacity, check_caps
from backend.slips.legs import ResolvedLegs, resolve_legs
from backend.slips.models import SlipCreate
from backend.slips.refusals import IdempotencyConflict, OddsStale
from backend.slips.repository import AcceptedSlip
from backend.slips.terms import Limits, LiveOffers, Offer, Terms, check_legs, check_terms
from protocol.typed_data import Receipt, Slip

log = structlog.get_logger("api")


@dataclass(frozen=True, slots=True)
class Acceptance:
    """An accepted slip, whether this request accepted it, and how long one that is accepted now
    will wait to be placed, in seconds."""

    slip: AcceptedSlip
    new: bool
    expected_wait_s: int | None = None


@dataclass(frozen=True, slots=True)
class Commitment:
    """A slip that could be accepted at `now_s`: its bettor's signature, its terms, and the
    receipt."""

    slip: Slip
    signature: bytes
    terms: Terms
    accepted: AcceptedSlip
    now_s: int


async def accept(services: Services, create: SlipCreate, idempotency_key: str | None) -> Acceptance:
    """Accept a slip; one that was accepted before is returned as it is. Raises the refusal when it
    cannot be accepted."""
    context = await account_context(services, create.account, receipt_key_refused)
    legs = await resolve_legs(services.database, create.legs)
    slip = Slip(
        account=create.account,
        stake_micro=int(create.stake_micro),
        min_odds_e4=create.min_odds_e4,
        nonce=create.nonce,
        deadline_s=create.deadline_s,
        legs=legs.legs,
    )
    limits = limits_of(services)
    check_legs(slip, limits)
    struct_hash = slip.struct_hash()
    # Contract wallets cannot bet here. One that confirms its signature to us, denies it to the
    # batch, and confirms it again to its own enforcement could choose, for as long as receipts are
    # valid, whether it has a bet.
    signature = await check_signature(
        services.domain, slip, bytes.fromhex(create.signature[2:]), context.owner, chain=None
    )
    await services.limiter.count("account", str(slip.account))

    key = idempotency_key or f"0x{struct_hash.hex()}"
    async with services.database.connection() as connection:
        earlier = await repository.accepted_slips(connection, slip.account, key, struct_hash)
    if earlier:
        outlook = await services.outlook()
        known = _same_slip(earlier, key, struct_hash)
        return Acceptance(known, False, None if outlook is None else outlook.expected_wait_s)

    if (reason := await services.migration_missing()) is not None:
        raise NotReady(reason, retry_after_s=5)
    wait_s = check_outlook(await services.outlook())
    offers = await _live_offers(services, legs)
    terms = check_terms(slip, offers, limits, context.now_s)
    accepted = await _signed(services, slip, key, terms, context.accepted_at_s)
    try:
        async with services.database.transaction() as connection:
            commitment = Commitment(slip, signature, terms, accepted, context.now_s)
            acceptance = await _commit(services, connection, commitment, context.house)
    except LockNotAvailable:
        raise busy() from None
    if acceptance.new:
        await _publish(services, slip, accepted)
    return replace(acceptance, expected_wait_s=wait_s)


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


async def _signed(
    services: Services, slip: Slip, key: str, terms: Terms, accepted_at_s: int
) -> AcceptedSlip:
    """The slip with the receipt that the house would sign for it; nothing is stored yet."""
    struct_hash = slip.struct_hash()
    receipt = Receipt(struct_hash, accepted_at_s, terms.odds_e4)
    return AcceptedSlip(
        id=uuid.uuid4(),
        account=slip.account,
        struct_hash=struct_hash,
        idempotency_key=key,
        accepted_at_s=accepted_at_s,
        odds_e4=terms.odds_e4,
        payout_max_micro=terms.payout_max_micro,
        receipt_signature=await services.receipt_signer.sign(
            services.domain.digest(receipt.struct_hash())
        ),
    )


async def _commit(
    services: Services,
    connection: Connection,
    commitment: Commitment,
    house: HouseState,
) -> Acceptance:
    """Store the slip if account and house can cover it, under the locks of both; the earlier slip
    if one has its key or hash."""
    slip, terms, accepted = commitment.slip, commitment.terms, commitment.accepted
    await lock_account(connection, slip.account)
    earlier = await repository.accepted_slips(
        connection, slip.account, accepted.idempotency_key, accepted.struct_hash
    )
    if earlier:
        known = _same_slip(earlier, accepted.idempotency_key, accepted.struct_hash)
        return Acceptance(known, new=False)
    state = await account_state(connection, services.mirror_key, slip.account)
    if state is None:
        raise mirror_missing()
    window_s = services.windows.receipt_window_s
    check_account(slip, state, state.nonces(window_s))
    await _check_own_limits(services, connection, commitment)
    await repository.lock_bankroll(connection)
    capacity = await repository.capacity(connection, services.mirror_key, house.block)
    if capacity is None:
        raise NotReady("The mirror does not show a bankroll yet.", retry_after_s=2)
    reserve_micro = house.limits.receipt_reserve_micro
    check_capacity(slip, terms, capacity, reserve_micro)
    check_budget(slip, terms, capacity, house.receipt_key, reserve_micro, window_s)
    locked_micro: Mapping[bytes, int] = {}
    if len(slip.legs) == 1:
        fixture = slip.legs[0].market.fixture
        locked_micro = await repository.locked_of_fixture(connection, services.mirror_key, fixture)
    check_caps(slip, terms, house.limits, locked_micro, capacity.accumulators_micro)
    await repository.insert_slip(connection, slip, commitment.signature, accepted, terms)
    return Acceptance(accepted, new=True)


async def _check_own_limits(
    services: Services, connection: Connection, commitment: Commitment
) -> None:
    """Raises the refusal when limits that the owner has set do not allow the stake. Under the
    account's lock, so that slips at once do not pass them together."""
    slip, now_s = commitment.slip, commitment.now_s
    changes = await changes_of(connection, slip.account)
    if changes:
        use = await use_of(connection, services.mirror_key, slip.account, now_s)
        check_stake(changes, use, slip.stake_micro, now_s)


def _same_slip(earlier: Sequence[AcceptedSlip], key: str, struct_hash: bytes) -> AcceptedSlip:
    """The slip that was accepted before. Raises IdempotencyConflict when the key is that of another
    one."""
    for accepted in earlier:
        if accepted.idempotency_key == key and accepted.struct_hash != struct_hash:
            raise IdempotencyConflict(
                "This Idempotency-Key was used for another slip; use a new key for a new slip.",
                slip=str(accepted.id),
            )
    return earlier[0]


async def _live_offers(services: Services, legs: ResolvedLegs) -> LiveOffers:
    """The odds of each leg as they are in Redis now, with the age of the last heartbeat."""
    try:
        async with (
            asyncio.timeout(REDIS_TIMEOUT_S),
            services.redis.pipeline(transaction=True) as pipeline,
        ):
            pipeline.get(live.HEARTBEAT_KEY)
            for leg in legs.legs:
                pipeline.hget(live.hash_key(leg.market.fixture), f"0x{leg.market.pack().hex()}")
            heartbeat, *fields = await pipeline.execute()
    except (RedisError, OSError) as error:
        services.redis_fault.began(type(error).__name__)
        raise OddsStale("The odds cannot be read; try again.", retry_after_s=2) from None
    services.redis_fault.ended()
    now_ms = live.now_ms()
    offers = [
        Offer(
            status.fixture,
            status.market,
            None if field is None else live.Published.read(field),
            status.closes_at_s,
        )
        for status, field in zip(legs.leg_statuses, fields, strict=True)
    ]
    return LiveOffers(offers, now_ms - int(heartbeat) if heartbeat is not None else now_ms)


async def _publish(services: Services, slip: Slip, accepted: AcceptedSlip) -> None:
    """Notify the odds process; it finds the slip in SQL if the message is lost."""
    legs = tuple(
        live.AcceptedLeg(leg.market.pack(), leg.outcome, odds_e4)
        for leg, odds_e4 in zip(slip.legs, accepted.odds_e4, strict=True)
    )
    message = live.AcceptedSlip(str(accepted.id), slip.stake_micro, legs).json()
    try:
        async with asyncio.timeout(REDIS_TIMEOUT_S):
            published = services.redis.publish(live.SLIPS_CHANNEL, message)
            await cast(Awaitable[int], published)
    except (RedisError, OSError) as error:
        log.warning("api.slip_not_published", slip=str(accepted.id), reason=type(error).__name__)
