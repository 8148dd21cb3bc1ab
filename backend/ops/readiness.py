"""Finds out what keeps slips from being accepted, withdrawals from being countersigned and
cash-outs from being offered: every probe at the same time, each with a time limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from enum import Flag
from typing import Any

import structlog
from psycopg import Error as DatabaseError
from psycopg_pool import PoolClosed, PoolTimeout
from redis.exceptions import BusyLoadingError, RedisError

from backend.cancellation import is_cancelled
from backend.chain_view import ChainUnreachable, HouseState
from backend.mirror.book import BOOK
from backend.mirror.deployment import HEAD
from backend.problems import BANKROLL_MISSING, MIRROR_MISSING
from backend.reports.outlook import missing as report_missing
from backend.services import (
    Services,
    cash_out_key_refused,
    other_chain_refused,
    receipt_key_refused,
    withdrawal_key_refused,
)

log = structlog.get_logger("api")

# How long each probe may take.
PROBE_S = 2.0
# Of these, how long it may wait for a connection of the pool.
ACQUIRE_S = 1.0
WATCH_EVERY_S = 2.0

_DATABASE_AWAY = "The database at DATABASE_URL does not answer."
_NODE_AWAY = "The chain node at RPC_URL does not answer."
_NOT_MIGRATED = "The mirror's tables are missing; run python -m indexer migrate."
_REDIS_AWAY = "Redis at REDIS_URL does not answer."
_REDIS_LOADS = "Redis at REDIS_URL is loading its data; it answers when it has done so."
_PAUSED = "The contract has paused placing; its owner or guardian has to resume it."


class Blocks(Flag):
    """What cannot be signed while something is missing."""

    SLIPS = 1
    WITHDRAWALS = 2
    CASH_OUTS = 4
    NOT_CASH_OUTS = SLIPS | WITHDRAWALS
    NOT_WITHDRAWALS = SLIPS | CASH_OUTS
    ALL = SLIPS | WITHDRAWALS | CASH_OUTS


_KINDS = (
    (Blocks.SLIPS, "slips"),
    (Blocks.WITHDRAWALS, "withdrawals"),
    (Blocks.CASH_OUTS, "cash-outs"),
)


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that is missing, in one sentence, and what it blocks."""

    reason: str
    blocks: Blocks


@dataclass(frozen=True, slots=True)
class Readiness:
    """Everything that is missing, and the newest block of the mirror."""

    missing: tuple[Missing, ...]
    head_block: int
    head_timestamp_s: int

    @property
    def reasons(self) -> list[str]:
        """All that is missing, one sentence each."""
        return [one.reason for one in self.missing]

    @property
    def ready(self) -> bool:
        """Whether slips are accepted and withdrawals countersigned: a server that only offers no
        cash-outs has to stay in use."""
        return not any(one.blocks & Blocks.NOT_CASH_OUTS for one in self.missing)

    def blocking(self, blocks: Blocks) -> list[str]:
        """What is missing and blocks this."""
        return [one.reason for one in self.missing if blocks in one.blocks]


@dataclass(slots=True)
class _Seen:
    """What the probes found out; None while the server that knows it does not answer."""

    head: Mapping[str, Any] | None = None
    house: HouseState | None = None


async def readiness(services: Services) -> Readiness:
    """Ask everything that signing receipts, withdrawals and cash-outs needs."""
    seen = _Seen()
    probes = (
        _within(_database(services, seen), Missing(_DATABASE_AWAY, Blocks.ALL)),
        _within(_node(services, seen), Missing(_NODE_AWAY, Blocks.ALL)),
        _within(_odds(services), Missing(_REDIS_AWAY, Blocks.NOT_WITHDRAWALS)),
    )
    missing = [one for found in await asyncio.gather(*probes) for one in found]
    missing += _keys(services, seen)
    head = seen.head or {}
    return Readiness(
        tuple(missing), int(head.get("head_block") or 0), int(head.get("head_timestamp_s") or 0)
    )


async def shared_readiness(services: Services) -> Readiness:
    """The answer to a stranger. However many ask while a probe is under way share what it finds, so
    that they take one connection and one answer of each server at a time."""
    if services.probe is None or services.probe.done():
        services.probe = asyncio.create_task(readiness(services))
    found: Readiness = await asyncio.shield(services.probe)
    return found


async def watch(services: Services, every_s: float = WATCH_EVERY_S) -> None:
    """Log what is missing when it changes, until cancelled."""
    known: frozenset[str] | None = None
    while not is_cancelled():
        now = await readiness(services)
        # Their figures change all the time.
        kinds = frozenset(" ".join(reason.split()[:4]) for reason in now.reasons)
        if kinds and kinds != known:
            log.warning(
                "api.not_ready",
                missing=now.reasons,
                blocks=[name for kind, name in _KINDS if now.blocking(kind)],
            )
        elif not kinds and known != kinds:
            log.info("api.ready")
        known = kinds
        if not is_cancelled():
            await asyncio.sleep(every_s)


async def _within(probe: Awaitable[list[Missing]], otherwise: Missing) -> list[Missing]:
    try:
        async with asyncio.timeout(PROBE_S):
            return await probe
    except TimeoutError:
        return [otherwise]


async def _database(services: Services, seen: _Seen) -> list[Missing]:
    try:
        await services.database.wait_for_connection(ACQUIRE_S)
    except PoolTimeout:
        return [Missing(await _why_no_connection(services), Blocks.ALL)]
    try:
        if missing := await services.migration_missing():
            return [Missing(missing, Blocks.NOT_CASH_OUTS)]
        row = await services.database.row(HEAD, services.mirror_key)
        if row is None:
            return [Missing(MIRROR_MISSING, Blocks.ALL)]
        seen.head = row
        book = await services.database.row(BOOK, services.mirror_key)
        reported = report_missing(await services.outlook())
    except (PoolTimeout, PoolClosed):
        return [Missing(_DATABASE_AWAY, Blocks.ALL)]
    except DatabaseError:
        return [Missing(_NOT_MIGRATED, Blocks.ALL)]
    found = [Missing(reason, Blocks.SLIPS) for reason in reported]
    if book is None:
        found.append(Missing(BANKROLL_MISSING, Blocks.NOT_WITHDRAWALS))
    elif book["paused"]:
        found.append(Missing(_PAUSED, Blocks.SLIPS))
    if services.settings.clock == "wall":
        skew = services.skew_refused(int(time.time()), int(row["head_timestamp_s"] or 0))
        found += [] if skew is None else [Missing(skew, Blocks.ALL)]
    return found


async def _why_no_connection(services: Services) -> str:
    """The database is asked on a connection of its own, when the pool has none."""
    if not await services.database.answers(PROBE_S - ACQUIRE_S):
        return _DATABASE_AWAY
    if not services.database.all_in_use:
        return "The database at DATABASE_URL answers again; new connections to it are being opened."
    count = services.settings.database_connections
    return (
        f"All {count} connections of this process to the database are in use, and requests wait for"
        " one; raise DATABASE_CONNECTIONS, or start another api process."
    )


async def _node(services: Services, seen: _Seen) -> list[Missing]:
    try:
        seen.house = await services.house.state()
    except ChainUnreachable as error:
        reason = f"The chain node at RPC_URL cannot be used: {error.detail}"
        return [Missing(reason, Blocks.ALL)]
    return []


def _keys(services: Services, seen: _Seen) -> list[Missing]:
    """What is wrong with chain and keys; nothing while a probe that says why keeps it unknown."""
    if seen.house is None:
        return []
    first_hash = None if seen.head is None else seen.head["first_hash"]
    if (other := other_chain_refused(services, seen.house, first_hash)) is not None:
        return [Missing(other, Blocks.ALL)]
    if services.settings.clock == "wall":
        now_s = int(time.time())
    elif seen.head is not None:
        now_s = int(seen.head["head_timestamp_s"] or 0)
    else:
        return []
    checks = (
        (receipt_key_refused, Blocks.SLIPS),
        (withdrawal_key_refused, Blocks.WITHDRAWALS),
        (cash_out_key_refused, Blocks.CASH_OUTS),
    )
    return [
        Missing(reason, blocks)
        for check, blocks in checks
        if (reason := check(services, seen.house, now_s)) is not None
    ]


async def _odds(services: Services) -> list[Missing]:
    try:
        await services.redis.ping()
    except BusyLoadingError:
        return [Missing(_REDIS_LOADS, Blocks.NOT_WITHDRAWALS)]
    except (RedisError, OSError):
        return [Missing(_REDIS_AWAY, Blocks.NOT_WITHDRAWALS)]
    if services.odds_copy.age_ms() > services.settings.max_odds_age_ms:
        received = services.odds_copy.heartbeat_received
        state = "stopped sending heartbeats" if received else "has not sent a heartbeat yet"
        reason = f"The odds process {state}; start python -m backend.odds."
        return [Missing(reason, Blocks.NOT_WITHDRAWALS)]
    return []
