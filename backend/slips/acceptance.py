"""Owns taking a slip: everything is asked and signed first, then one SQL transaction promises.

Whatever is refused changes nothing. A slip that was taken is answered with the same receipt
however often it is handed in.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson
import structlog
from psycopg.errors import LockNotAvailable
from redis.exceptions import RedisError

from backend.markets.repository import fixtures_of
from backend.odds.publisher import HASH_PREFIX, HEARTBEAT_KEY, Published
from backend.odds.service import SLIPS_CHANNEL
from backend.problems import NotReady
from backend.services import MIRROR_MISSING, Services, signer_missing
from backend.slips import repository
from backend.slips.decide import (
    Limits,
    Offer,
    Terms,
    check_account,
    check_caps,
    check_house,
    check_legs,
    check_terms,
    read_amount,
)
from backend.slips.models import SlipCreate
from backend.slips.refusals import (
    AccountUnknown,
    IdempotencyConflict,
    MarketClosed,
    MarketUnknown,
    OddsStale,
)
from backend.slips.repository import Accepted
from backend.slips.signatures import check_signature
from protocol.typed_data import Leg, Receipt, Slip

log = structlog.get_logger("api")


@dataclass(frozen=True, slots=True)
class _Opened:
    """What the house opened for each leg."""

    legs: tuple[Leg, ...]
    statuses: tuple[tuple[str, str], ...]


async def accept(
    parts: Services, create: SlipCreate, idempotency_key: str | None
) -> tuple[Accepted, bool]:
    """The accepted slip, and whether it is new. Raises the reason for which it is not taken."""
    stake_micro = read_amount(create.stake_micro)
    now_s, owner = await context(parts, create.account)
    opened = await _opened(parts, create)
    slip = Slip(
        account=create.account,
        stake_micro=stake_micro,
        min_odds_e4=create.min_odds_e4,
        nonce=create.nonce,
        deadline_s=create.deadline_s,
        legs=opened.legs,
    )
    limits = limits_of(parts)
    check_legs(slip, limits)
    struct_hash = slip.struct_hash()
    signature = bytes.fromhex(create.signature[2:])
    # Contract wallets cannot bet here: one that says yes to us, no to the batch, and yes to its own
    # enforcement would have a bet or not, as it likes, for as long as receipts live.
    await check_signature(parts.domain, struct_hash, signature, owner, chain=None)
    await parts.limiter.count("account", str(slip.account))

    key = idempotency_key or f"0x{struct_hash.hex()}"
    async with parts.database.connection() as connection:
        known = await repository.find(connection, slip.account, key, struct_hash)
    if known:
        return _same(known, key, struct_hash), False

    offers, age_ms = await _offers(parts, opened)
    terms = check_terms(slip, offers, age_ms, limits, now_s)
    receipt = Receipt(struct_hash, now_s, terms.odds_e4)
    accepted = Accepted(
        id=uuid.uuid4(),
        account=slip.account,
        struct_hash=struct_hash,
        idempotency_key=key,
        accepted_at_s=now_s,
        odds_e4=terms.odds_e4,
        payout_max_micro=terms.payout_max_micro,
        receipt_signature=await parts.signer.sign(parts.domain.digest(receipt.struct_hash())),
    )
    try:
        standing = await _promise(parts, slip, signature, accepted, terms)
    except LockNotAvailable:
        raise NotReady("The house is busy; try again.", retry_after_s=1) from None
    if standing is None:
        await _tell_odds(parts, slip, accepted)
        return accepted, True
    return standing, False


def limits_of(parts: Services) -> Limits:
    """What the house takes, from its settings."""
    settings = parts.settings
    return Limits(
        min_stake_micro=settings.min_stake_micro,
        max_stake_micro=settings.max_stake_micro,
        max_payout_micro=settings.max_payout_micro,
        max_legs=settings.max_legs,
        max_deadline_s=min(settings.max_deadline_s, parts.house.receipt_window_s),
        max_odds_age_ms=settings.max_odds_age_ms,
    )


async def _promise(
    parts: Services, slip: Slip, signature: bytes, accepted: Accepted, terms: Terms
) -> Accepted | None:
    """Write the slip down if account and house carry it; the slip that already stands for its
    key, if there is one."""
    async with parts.database.transaction() as connection:
        await repository.lock_account(connection, slip.account)
        known = await repository.find(
            connection, slip.account, accepted.idempotency_key, accepted.struct_hash
        )
        if known:
            return _same(known, accepted.idempotency_key, accepted.struct_hash)
        found = await repository.account_state(connection, parts.key, slip.account, slip.nonce)
        if found is None:
            raise NotReady(MIRROR_MISSING, retry_after_s=2)
        check_account(slip, found[0])
        await repository.lock_house(connection)
        house = await repository.house_room(connection, parts.key)
        if house is None:
            raise NotReady("The mirror shows no bankroll yet.", retry_after_s=2)
        room_micro, paused = house
        if paused:
            raise MarketClosed("The contract takes no bets now: placing is paused.")
        check_house(terms, slip.stake_micro, room_micro)
        single = slip.legs[0].market.fixture if len(slip.legs) == 1 else None
        use = await repository.cap_use(connection, parts.key, single)
        if use is not None:
            check_caps(slip, terms, use)
        await repository.insert(connection, slip, signature, accepted, terms)
    return None


def _same(known: Sequence[Accepted], key: str, struct_hash: bytes) -> Accepted:
    """The slip that was taken before. Raises IdempotencyConflict when the key is another's."""
    for accepted in known:
        if accepted.idempotency_key == key and accepted.struct_hash != struct_hash:
            raise IdempotencyConflict(
                "This Idempotency-Key was used for another slip; use a new key for a new slip.",
                slip=str(accepted.id),
            )
    return known[0]


async def context(parts: Services, account: int) -> tuple[int, str]:
    """The time by which we work, and the account's owner."""
    asked = {**parts.key, "account": account, "signer": parts.signer.address}
    row = await parts.database.row(repository.CONTEXT, asked)
    if row is None or row["head_timestamp_s"] is None:
        raise NotReady(MIRROR_MISSING, retry_after_s=2)
    if not row["signer_known"]:
        raise NotReady(signer_missing(parts), retry_after_s=10)
    if row["owner"] is None:
        raise AccountUnknown(
            f"There is no account {account}; the first deposit on the sportsbook opens it.",
            account=account,
        )
    head_s, owner = int(row["head_timestamp_s"]), str(row["owner"])
    if parts.settings.clock == "chain":
        return head_s, owner
    now_s = int(time.time())
    behind_s = now_s - head_s
    if behind_s > parts.house.receipt_window_s:
        # What the chain has done since, exits above all, would not be seen.
        raise NotReady(
            f"The mirror is {behind_s} s behind; no promise can be made until it has caught up.",
            retry_after_s=10,
        )
    return now_s, owner


async def _opened(parts: Services, create: SlipCreate) -> _Opened:
    packed = [bytes.fromhex(leg.market[2:]) for leg in create.legs]
    rows = await fixtures_of(parts.database, packed)
    found = {
        market.market.pack(): (fixture, market) for fixture in rows for market in fixture.markets
    }
    legs: list[Leg] = []
    statuses: list[tuple[str, str]] = []
    for leg, market_id in zip(create.legs, packed, strict=True):
        if market_id not in found:
            raise MarketUnknown(
                f"The house opened no market {leg.market}; GET /v1/fixtures lists them.",
                market=leg.market,
            )
        fixture, market = found[market_id]
        if leg.outcome >= len(market.market.outcomes):
            raise MarketUnknown(
                f"Market {leg.market} has the outcomes 0 to {len(market.market.outcomes) - 1},"
                f" not {leg.outcome}.",
                market=leg.market,
            )
        legs.append(Leg(fixture.name, market.market, leg.outcome))
        statuses.append((fixture.status, market.status))
    return _Opened(tuple(legs), tuple(statuses))


async def _offers(parts: Services, opened: _Opened) -> tuple[list[Offer], int]:
    """The odds of each leg as Redis has them now, and how long ago the odds process was heard."""
    try:
        async with parts.redis.pipeline(transaction=True) as pipeline:
            pipeline.get(HEARTBEAT_KEY)
            for leg in opened.legs:
                fixture, market = leg.market.fixture.hex(), leg.market.pack().hex()
                pipeline.hget(f"{HASH_PREFIX}{fixture}", f"0x{market}")
            heartbeat, *fields = await pipeline.execute()
    except (RedisError, OSError) as error:
        log.warning("api.redis_away", reason=type(error).__name__)
        raise OddsStale("The odds cannot be read; try again.", retry_after_s=2) from None
    now_ms = time.time_ns() // 1_000_000
    age_ms = now_ms - int(heartbeat) if heartbeat is not None else now_ms
    offers = [
        Offer(fixture_status, market_status, None if field is None else Published.read(field))
        for (fixture_status, market_status), field in zip(opened.statuses, fields, strict=True)
    ]
    return offers, age_ms


async def _tell_odds(parts: Services, slip: Slip, accepted: Accepted) -> None:
    """Tell the odds process at once; it finds the slip in SQL if this is lost."""
    message: dict[str, Any] = {
        "slip": str(accepted.id),
        "account": slip.account,
        "stake_micro": slip.stake_micro,
        "legs": [
            {"market": f"0x{leg.market.pack().hex()}", "outcome": leg.outcome} for leg in slip.legs
        ],
        "odds_e4": accepted.odds_e4,
    }
    try:
        await cast(Awaitable[int], parts.redis.publish(SLIPS_CHANNEL, orjson.dumps(message)))
    except (RedisError, OSError) as error:
        log.warning("api.slip_not_published", slip=str(accepted.id), reason=type(error).__name__)
