"""Watches the accounts of connected owners: PostgreSQL's notifications wake it, and one statement
reads all of them.

Nothing is polled, and nothing is queued per reader: each compares the newest view with what it has
sent.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import structlog
from psycopg_pool import PoolClosed, PoolTimeout
from redis.exceptions import RedisError

from backend import channels
from backend.account_events.changes import Json, OwnerView, message_of
from backend.accounts.state import AccountState
from backend.bets.state import state_of
from backend.cancellation import is_cancelled
from backend.database import Database
from backend.database_notifications import Notifications
from backend.fault_log import FaultLog
from backend.mirror.account_events import OF_OWNERS
from backend.relays.answers import public
from backend.sessions.store import Session, SessionStore
from backend.slips.status import reason_of, status_of

log = structlog.get_logger("api")

TICK_S = 0.1
RETRY_S = 1.0
SESSIONS_CHECKED_S = 10.0
_CHANNELS = (channels.MIRROR, channels.SLIPS, channels.RELAYS)


class Watch:
    """One reader's part: what it was sent, and whether its session has ended."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.ended = False
        self._sent: OwnerView | None = None
        self._newest: OwnerView | None = None
        self._turn = asyncio.Event()

    def show(self, view: OwnerView) -> None:
        """The owner's account is so now."""
        self._newest = view
        self._turn.set()

    def end(self) -> None:
        """The session has ended."""
        self.ended = True
        self._turn.set()

    async def next(self) -> Json | None:
        """The next message, as soon as there is one; None when the session has ended."""
        while not self.ended:
            await self._turn.wait()
            self._turn.clear()
            if self._newest is not None and not self.ended:
                message = message_of(self._sent, self._newest)
                self._sent = self._newest
                if message is not None:
                    return message
        return None


class AccountEvents:
    """The watches of one process. `mirror_key` names our deployment in statements."""

    def __init__(
        self,
        database: Database,
        notifications: Notifications,
        sessions: Callable[[], SessionStore],
        mirror_key: Mapping[str, Any],
    ) -> None:
        self._database = database
        self._sessions = sessions
        self._mirror_key = mirror_key
        self._watches: defaultdict[str, set[Watch]] = defaultdict(set)
        self._due = asyncio.Event()
        for channel in _CHANNELS:
            notifications.on(channel, self._due.set)
        self._fault = FaultLog(log, "api.account_events_interrupted", "api.account_events_resumed")

    @contextmanager
    def watch(self, session: Session) -> Iterator[Watch]:
        """A reader of what happens to the session's owner, until the end of the block."""
        made = Watch(session)
        self._watches[session.address].add(made)
        self._due.set()
        try:
            yield made
        finally:
            self._watches[session.address].discard(made)
            if not self._watches[session.address]:
                del self._watches[session.address]

    async def run(self) -> None:
        """Follow PostgreSQL until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._forever(self._read_when_due))
            group.create_task(self._forever(self._check_sessions))

    async def _forever(self, work: Callable[[], Any]) -> None:
        while not is_cancelled():
            try:
                await work()
            except (psycopg.Error, PoolTimeout, PoolClosed, RedisError, OSError) as error:
                self._fault.began(type(error).__name__)
            if not is_cancelled():
                await asyncio.sleep(RETRY_S)

    async def _read_when_due(self) -> None:
        while not is_cancelled():
            await self._due.wait()
            await asyncio.sleep(TICK_S)
            self._due.clear()
            try:
                await self.read()
                self._fault.ended()
            except BaseException:
                self._due.set()
                raise

    async def read(self) -> None:
        """Read the accounts of all who are connected, with one statement."""
        owners = list(self._watches)
        if not owners:
            return
        rows = await self._database.rows(OF_OWNERS, {**self._mirror_key, "owners": owners})
        for row in rows:
            view = view_of(row, int(self._mirror_key["receipt_window_s"]))
            for watch in self._watches.get(row["owner"], ()):
                watch.show(view)

    async def _check_sessions(self) -> None:
        """A session can be ended by a request to another process."""
        while not is_cancelled():
            await asyncio.sleep(SESSIONS_CHECKED_S)
            await self.end_revoked()

    async def end_revoked(self) -> None:
        """End the watches whose sessions have ended, with one question to Redis."""
        watches = [watch for of_owner in self._watches.values() for watch in of_owner]
        alive = await self._sessions().alive([watch.session.hashed for watch in watches])
        for watch in watches:
            if watch.session.hashed not in alive:
                watch.end()


def view_of(row: Mapping[str, Any], receipt_window_s: int) -> OwnerView:
    """A row of OF_OWNERS as it is sent."""
    relays = {
        relay.relay_hash: relay.model_dump(mode="json")
        for relay in map(public, row["relays"] or ())
    }
    if row["account"] is None:
        return OwnerView(relays=relays)
    fields = {name: row[name] for name in AccountState.__slots__}
    state = AccountState(**fields)
    slips: Sequence[Json] = row["slips"] or ()
    bets: Sequence[Json] = row["bets"] or ()
    return OwnerView(
        {
            "account": row["account"],
            "owner": row["owner"],
            "balance_micro": str(state.balance_micro),
            "reserved_micro": str(state.reserved_micro),
            "available_micro": str(state.available_micro),
            "pending_slips": state.pending,
            "next_nonce": state.nonces(receipt_window_s).next,
            "excluded_until_s": state.excluded_until_s or None,
        },
        {slip["id"]: _slip(slip) for slip in slips},
        {(bet["batch"], bet["bet"]): _bet(bet) for bet in bets},
        relays,
    )


def _slip(row: Json) -> Json:
    status = status_of(row)
    return {
        "id": row["id"],
        "slip_hash": _hex(row["struct_hash"]),
        "nonce": row["nonce"],
        "stake_micro": str(row["stake_micro"]),
        "status": status,
        "reason": reason_of(row) if status == "refused" else None,
        "stage": row["stage"],
        "accepted_at_s": row["accepted_at_s"],
        "batch": row["batch"],
        "bet": row["bet"],
        "tx_hash": _hex(row["tx_hash"]),
    }


def _bet(row: Json) -> Json:
    payout_micro = row["payout_micro"]
    return {
        "batch": row["batch"],
        "bet": row["bet"],
        "nonce": row["nonce"],
        "stake_micro": str(row["stake_micro"]),
        "payout_max_micro": str(row["payout_max_micro"]),
        "state": state_of(row),
        "payout_micro": None if payout_micro is None else str(payout_micro),
        "settled_at_s": row["settled_at_s"],
        "rest_of": row["rest_of"],
        "stage": row["stage"],
        "tx_hash": _hex(row["tx_hash"]),
        "settlement_tx_hash": _hex(row["settlement_tx_hash"]),
    }


def _hex(value: str | None) -> str | None:
    """Of bytes as PostgreSQL writes them into JSON."""
    return None if value is None else f"0x{value.removeprefix(chr(92) + 'x')}"
