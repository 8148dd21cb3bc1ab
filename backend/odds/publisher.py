"""Publishes the live odds to Redis: hashes, changes and a heartbeat. Redis may be emptied at any
time; it is then filled again."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Mapping
from typing import cast

import orjson
from redis.asyncio import Redis

from backend.odds.book import Bids, Odds
from backend.odds.redis_messages import (
    BIDS_PREFIX,
    HASH_PREFIX,
    HEARTBEAT_KEY,
    ODDS_CHANNEL,
    WRITER_KEY,
    Published,
    bids_key,
    hash_key,
    now_ms,
)


class Publisher:
    """Writes what changed. Versions of a market only rise, across restarts as well, because they
    start from the clock. Withdrawn odds are a change to an empty list."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._writer = uuid.uuid4().hex
        self._published: dict[bytes, dict[bytes, Published]] = {}
        self._bids: dict[bytes, Bids] | None = None

    async def publish(self, odds: Mapping[bytes, Odds]) -> Odds:
        """Update Redis to `odds`; returns the markets that changed, each with its odds."""
        if await self._redis.get(WRITER_KEY) != self._writer.encode():
            await self._resync()
        at_ms = now_ms()
        changed: Odds = {}
        pipeline = self._redis.pipeline(transaction=True)
        next_state = {fixture: dict(known) for fixture, known in self._published.items()}
        for fixture in odds.keys() | next_state.keys():
            known = next_state.setdefault(fixture, {})
            wanted = odds.get(fixture, {})
            for market in known.keys() | wanted.keys():
                before = known.get(market)
                odds_e4 = wanted.get(market, ())
                if before is not None and before.odds_e4 == odds_e4:
                    continue
                version = max(at_ms, before.version + 1 if before else 0)
                known[market] = Published(odds_e4, version, at_ms)
                self._write(pipeline, fixture, market, known[market])
                changed[market] = odds_e4
        if changed:
            await pipeline.execute()
        self._published = {fixture: next_state[fixture] for fixture in odds}
        return changed

    async def publish_bids(self, bids: Mapping[bytes, Bids]) -> None:
        """Update Redis to `bids`; after Redis was emptied or written by another, all of it."""
        pipeline = self._redis.pipeline(transaction=True)
        if self._bids is None:
            async for key in self._redis.scan_iter(match=f"{BIDS_PREFIX}*"):
                pipeline.delete(key)
        known = self._bids or {}
        for fixture in bids.keys() | known.keys():
            wanted = bids.get(fixture, {})
            if known.get(fixture, {}) != wanted:
                fields = {f"0x{m.hex()}": orjson.dumps(pairs) for m, pairs in wanted.items()}
                pipeline.delete(bids_key(fixture))
                if fields:
                    pipeline.hset(bids_key(fixture), mapping=fields)
        self._bids = None
        await pipeline.execute()
        self._bids = dict(bids)

    async def heartbeat(self) -> None:
        """Confirm that the odds in Redis are current."""
        await self._redis.set(HEARTBEAT_KEY, now_ms())

    async def _resync(self) -> None:
        """Recover when Redis was emptied, restarted, or written by another process.

        What this process published is written again where it is missing. What others wrote is
        adopted, so that the next comparison keeps it, changes it or withdraws it.
        """
        self._bids = None
        found = await self._read()
        pipeline = self._redis.pipeline(transaction=True)
        for fixture, known in self._published.items():
            stored = found.setdefault(fixture, {})
            for market, published in known.items():
                if stored.get(market) != published:
                    self._write(pipeline, fixture, market, published)
                stored[market] = published
        pipeline.set(WRITER_KEY, self._writer)
        await pipeline.execute()
        self._published = found

    async def _read(self) -> dict[bytes, dict[bytes, Published]]:
        found: dict[bytes, dict[bytes, Published]] = {}
        async for key in self._redis.scan_iter(match=f"{HASH_PREFIX}*"):
            fields = await cast(Awaitable[dict[bytes, bytes]], self._redis.hgetall(key))
            found[_unhex(key, HASH_PREFIX)] = {
                _unhex(name, "0x"): Published.read(value) for name, value in fields.items()
            }
        return found

    @staticmethod
    def _write(pipeline: Redis, fixture: bytes, market: bytes, published: Published) -> None:
        key, name = hash_key(fixture), f"0x{market.hex()}"
        if published.odds_e4:
            pipeline.hset(key, name, published.json())
        else:
            pipeline.hdel(key, name)
        message = published.json(fixture=f"0x{fixture.hex()}", market=name)
        pipeline.publish(ODDS_CHANNEL, message)


def _unhex(name: bytes | str, prefix: str) -> bytes:
    text = name.decode() if isinstance(name, bytes) else name
    return bytes.fromhex(text.removeprefix(prefix))
