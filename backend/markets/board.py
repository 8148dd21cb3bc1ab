"""Keeps the list of open fixtures encoded: a reader costs its bytes, and a change of odds the
encoding of its fixture. To build the list for each reader would hold up bets."""

from __future__ import annotations

import asyncio
import hashlib
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from backend.database import Database
from backend.markets.models import fixture_public
from backend.markets.repository import FixtureRow, open_fixtures
from backend.odds.redis_messages import Published
from backend.stream.odds_copy import Odds
from protocol.market_id import FIXTURE_BYTES

# How long fixtures and markets are taken to be as they were read: while changes are notified, and
# while that connection is away.
NOTIFIED_S, UNHEARD_S = 10.0, 0.5
_FIXTURE_DIGITS = len("0x") + 2 * FIXTURE_BYTES
_GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class EncodedBoard:
    """The JSON of the list, and what names it."""

    body: bytes
    etag: str


class Board:
    """The list for all readers of a process. `odds` gives the odds that may be shown now, `heard`
    says whether changes are notified (`changed`)."""

    def __init__(
        self, database: Database, odds: Callable[[], Odds], heard: Callable[[], bool]
    ) -> None:
        self._database = database
        self._odds = odds
        self._heard = heard
        self._rows: list[FixtureRow] = []
        self._read_at = -NOTIFIED_S
        self._reading: asyncio.Task[list[FixtureRow]] | None = None
        self._parts: dict[str, bytes] = {}
        self._had_odds = False
        self._encoded: EncodedBoard | None = None
        self._listed: list[str] = []
        self._zipped: tuple[str, asyncio.Task[bytes]] | None = None

    def changed(self) -> None:
        """A fixture or a market is another than it was read."""
        self._read_at = -NOTIFIED_S

    def odds_changed(self, market: str, _: Published) -> None:
        """The odds of a market, by its id in hex, are others."""
        self._parts.pop(market[:_FIXTURE_DIGITS], None)
        self._encoded = None

    def odds_replaced(self, _: Odds) -> None:
        """All odds were read again."""
        self._forget()

    async def at(self, now_s: int) -> EncodedBoard:
        """The fixtures that have not started at `now_s`, by start and name."""
        rows = [row for row in await self._fixtures(now_s) if row.starts_at_s > now_s]
        odds = self._odds()
        if bool(odds) != self._had_odds:
            self._had_odds = bool(odds)
            self._forget()
        names = [f"0x{row.id.hex()}" for row in rows]
        if self._encoded is None or names != self._listed:
            for name, row in zip(names, rows, strict=True):
                if name not in self._parts:
                    self._parts[name] = fixture_public(row, odds).model_dump_json().encode()
            body = b"[" + b",".join([self._parts[name] for name in names]) + b"]"
            etag = f'W/"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
            self._encoded, self._listed = EncodedBoard(body, etag), names
        return self._encoded

    async def zipped(self, board: EncodedBoard) -> bytes:
        """The body as gzip, made once for all who ask, beside the event loop."""
        kept = self._zipped
        if kept is None or kept[0] != board.etag or (kept[1].done() and kept[1].exception()):
            task = asyncio.create_task(asyncio.to_thread(_gzip, board.body))
            self._zipped = board.etag, task
            kept = self._zipped
        return await asyncio.shield(kept[1])

    async def _fixtures(self, now_s: int) -> list[FixtureRow]:
        """All who ask meanwhile share one reading, or its failure."""
        if self._reading is None or self._reading.done():
            lasting_s = NOTIFIED_S if self._heard() else UNHEARD_S
            if time.monotonic() - self._read_at <= lasting_s:
                return self._rows
            self._reading = asyncio.create_task(self._read(now_s))
        return await asyncio.shield(self._reading)

    async def _read(self, now_s: int) -> list[FixtureRow]:
        # Before the read: what is notified meanwhile may not be in it.
        self._read_at = time.monotonic()
        try:
            rows = await open_fixtures(self._database, now_s)
        except BaseException:
            self._read_at = -NOTIFIED_S
            raise
        self._replace(rows)
        return self._rows

    def _replace(self, rows: list[FixtureRow]) -> None:
        """Only what is another than before is encoded again."""
        known = {row.id: row for row in self._rows}
        for row in rows:
            if known.get(row.id) != row:
                self._parts.pop(f"0x{row.id.hex()}", None)
        if rows != self._rows:
            self._rows, self._encoded = rows, None

    def _forget(self) -> None:
        self._parts.clear()
        self._encoded = None


def _gzip(body: bytes) -> bytes:
    coder = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
    return coder.compress(body) + coder.flush()
