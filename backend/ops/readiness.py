"""Finds out whether slips can be accepted: every probe at the same time, each with a time limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from psycopg import Error as DatabaseError
from psycopg_pool import PoolClosed, PoolTimeout
from redis.exceptions import RedisError

from backend.chain_view import ChainUnreachable
from backend.mirror.book import BOOK
from backend.mirror.deployment import HEAD
from backend.reports.outlook import missing as report_missing
from backend.services import (
    MIRROR_MISSING,
    Services,
    receipt_key_refused,
    withdrawal_key_refused,
)
from backend.stream.feed import is_cancelled

log = structlog.get_logger("api")

# How long each probe may take.
PROBE_S = 2.0
WATCH_EVERY_S = 2.0

_PAUSED = "The contract has paused placing; its owner or guardian has to resume it."


@dataclass(frozen=True, slots=True)
class Readiness:
    """Everything that is missing, one sentence each, and the newest block of the mirror."""

    missing: tuple[str, ...]
    head_block: int
    head_timestamp_s: int


async def readiness(services: Services) -> Readiness:
    """Ask everything that accepting slips needs."""
    head: list[int] = [0, 0]
    probes = (
        _within(_database(services, head), "The database at DATABASE_URL does not answer."),
        _within(_keys(services), "The chain node at RPC_URL does not answer."),
        _within(_odds(services), "Redis at REDIS_URL does not answer."),
    )
    found = await asyncio.gather(*probes)
    return Readiness(tuple(reason for reasons in found for reason in reasons), head[0], head[1])


async def watch(services: Services, every_s: float = WATCH_EVERY_S) -> None:
    """Log what is missing when it changes, until cancelled."""
    known: frozenset[str] | None = None
    while not is_cancelled():
        now = await readiness(services)
        # Their figures change all the time.
        kinds = frozenset(" ".join(reason.split()[:4]) for reason in now.missing)
        if kinds and kinds != known:
            log.warning("api.not_ready", missing=list(now.missing))
        elif not kinds and known != kinds:
            log.info("api.ready")
        known = kinds
        if not is_cancelled():
            await asyncio.sleep(every_s)


async def _within(probe: Awaitable[list[str]], otherwise: str) -> list[str]:
    try:
        async with asyncio.timeout(PROBE_S):
            return await probe
    except TimeoutError:
        return [otherwise]


async def _database(services: Services, head: list[int]) -> list[str]:
    """`head` receives the newest block's number and time."""
    try:
        if missing := await services.migration_missing():
            return [missing]
        row = await services.database.row(HEAD, services.mirror_key)
        if row is None:
            return [MIRROR_MISSING]
        head[:] = int(row["head_block"]), int(row["head_timestamp_s"] or 0)
        book = await services.database.row(BOOK, services.mirror_key)
        missing_now = report_missing(await services.outlook())
    except (PoolTimeout, PoolClosed):
        return ["The database at DATABASE_URL does not answer."]
    except DatabaseError:
        return ["The mirror's tables are missing; run python -m indexer migrate."]
    if book is not None and book["paused"]:
        missing_now.append(_PAUSED)
    if services.settings.clock == "wall":
        skew = services.skew_refused(int(time.time()), head[1])
        missing_now += [] if skew is None else [skew]
    return missing_now


async def _keys(services: Services) -> list[str]:
    try:
        house = await services.house.state()
        now_s = await services.now_s()
    except ChainUnreachable as error:
        return [f"The chain node at RPC_URL cannot be used: {error.detail}"]
    except Exception as error:
        # Without the mirror's time the keys cannot be judged; the database's probe says why.
        log.debug("api.keys_not_judged", reason=type(error).__name__)
        return []
    refused: tuple[Callable[..., str | None], ...] = (receipt_key_refused, withdrawal_key_refused)
    reasons = (check(services, house, now_s) for check in refused)
    return [reason for reason in reasons if reason is not None]


async def _odds(services: Services) -> list[str]:
    try:
        await services.redis.ping()
    except (RedisError, OSError):
        return ["Redis at REDIS_URL does not answer."]
    if services.feed.age_ms() > services.settings.max_odds_age_ms:
        received = services.feed.heartbeat_received
        state = "stopped sending heartbeats" if received else "has not sent a heartbeat yet"
        return [f"The odds process {state}; start python -m backend.odds."]
    return []
