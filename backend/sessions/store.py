"""Keeps nonces and sessions in Redis. A session is found by the hash of its token, so that whoever
reads Redis finds nothing with which to enter one.

A session ends when it was not used for `idle_s`, and `lifetime_s` after it began. It belongs to one
deployment: on another chain, or of other contracts, the same token opens nothing.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

import orjson
from redis.asyncio import Redis

from backend.sessions.sites import Site
from protocol.typed_data import Domain

NONCE_S = 300
# Of one owner; a further one ends the oldest.
MAX_SESSIONS = 20
TOKEN_BYTES = 32
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_MAX_AGENT = 200


@dataclass(frozen=True, slots=True)
class Session:
    """A session of the owner at `address` (checksummed). `hashed` is the hash of its token, by
    which Redis finds it, and `user_agent` what the browser called itself when it signed in. Times
    in unix seconds of the machine's clock."""

    id: str
    hashed: str
    address: str
    deployment: str
    user_agent: str
    created_s: int
    seen_s: int


class SessionStore:
    """The nonces and sessions of a deployment."""

    def __init__(
        self,
        redis: Redis,
        domain: Domain,
        idle_s: int,
        lifetime_s: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._redis = redis
        self._deployment = f"{domain.chain_id}:{domain.contract.lower()}"
        self.idle_s = idle_s
        self.lifetime_s = lifetime_s
        self.clock = clock

    def now_s(self) -> int:
        """The time of the clock that sessions follow: the machine's, as wallets and browsers do."""
        return int(self.clock())

    async def new_nonce(self, site: Site) -> str:
        """A nonce for one message of this site."""
        nonce = secrets.token_hex(16)
        await self._redis.set(_nonce_key(nonce), site.origin, ex=NONCE_S)
        return nonce

    async def take_nonce(self, nonce: str) -> Site | None:
        """The site that a nonce was given to; None when it has expired or was taken before."""
        found = cast(bytes | None, await self._redis.getdel(_nonce_key(nonce)))
        return None if found is None else Site(found.decode())

    async def open(self, address: str, user_agent: str) -> tuple[Session, str]:
        """A new session and its token, which is kept nowhere."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        now_s = self.now_s()
        agent = "".join(c for c in user_agent[:_MAX_AGENT] if c.isprintable())
        hashed = _hash(token)
        session = Session(str(uuid.uuid4()), hashed, address, self._deployment, agent, now_s, now_s)
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.set(_session_key(hashed), _json(session), ex=self._left_s(session))
            pipeline.zadd(self._owner_key(address), {hashed: self.clock()})
            pipeline.expire(self._owner_key(address), self.lifetime_s)
            await pipeline.execute()
        for oldest in (await self._hashes(address))[:-MAX_SESSIONS]:
            await self._forget(address, oldest)
        return session, token

    async def find(self, token: str) -> Session | None:
        """The session of a token, which is in use now; None when there is none."""
        if not _TOKEN.fullmatch(token):
            return None
        hashed = _hash(token)
        session = await self._read(hashed)
        if session is None:
            return None
        seen = replace(session, seen_s=self.now_s())
        # Only if it is still there: it may be revoked at this moment.
        await self._redis.set(_session_key(hashed), _json(seen), ex=self._left_s(seen), xx=True)
        return seen

    async def of_owner(self, address: str) -> list[Session]:
        """The sessions of an owner, the newest first."""
        found = [await self._read(hashed) for hashed in reversed(await self._hashes(address))]
        return [session for session in found if session is not None]

    async def revoke(self, address: str, session: str | None = None) -> int:
        """End one session of an owner, or all; returns how many there were."""
        ended = 0
        for hashed in await self._hashes(address):
            found = await self._read(hashed)
            if found is None or session in (None, found.id):
                await self._forget(address, hashed)
                ended += found is not None
        return ended

    def is_of_deployment(self, session: Session) -> bool:
        """Whether a session that was read from Redis is of this deployment."""
        return session.deployment == self._deployment

    async def alive(self, hashed: Sequence[str]) -> set[str]:
        """Those of some sessions, by the hashes of their tokens, that have not ended."""
        if not hashed:
            return set()
        found = await self._redis.mget([_session_key(one) for one in hashed])
        return {one for one, value in zip(hashed, found, strict=True) if value is not None}

    def expires_at_s(self, session: Session) -> int:
        """When a session ends at the latest."""
        return session.created_s + self.lifetime_s

    def _left_s(self, session: Session) -> int:
        """For how long a session lives if it is not used again; above 0 for one that is alive."""
        return min(session.seen_s + self.idle_s, self.expires_at_s(session)) - self.now_s()

    async def _read(self, hashed: str) -> Session | None:
        value = cast(bytes | None, await self._redis.get(_session_key(hashed)))
        if value is None:
            return None
        session = Session(**orjson.loads(value))
        alive = self.is_of_deployment(session) and self._left_s(session) > 0
        return session if alive else None

    async def _hashes(self, address: str) -> list[str]:
        """The hashes of an owner's tokens, the oldest first."""
        listed = self._redis.zrange(self._owner_key(address), 0, -1)
        return [value.decode() for value in await cast(Awaitable[list[bytes]], listed)]

    async def _forget(self, address: str, hashed: str) -> None:
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.delete(_session_key(hashed))
            pipeline.zrem(self._owner_key(address), hashed)
            await pipeline.execute()

    def _owner_key(self, address: str) -> str:
        return f"sessions:{self._deployment}:{address.lower()}"


def _nonce_key(nonce: str) -> str:
    return f"sign-in:{nonce}"


def _session_key(hashed: str) -> str:
    return f"session:{hashed}"


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _json(session: Session) -> bytes:
    fields: dict[str, Any] = asdict(session)
    return orjson.dumps(fields)
