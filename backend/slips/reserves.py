"""Keeps running totals of what accepted slips could take of the house.

They are an upper bound (`backend.mirror.reserves`). What it leaves is enough to accept a slip;
before one is refused, its group is counted exactly. All of it happens under the bankroll's lock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backend.database import Connection, Query, array, read_all
from backend.mirror import reserves as statements
from backend.slips.house_checks import Capacity
from backend.slips.repository import LockedMicro
from protocol.exposure import Exposure, locked_micro
from protocol.market_id import FIXTURE_BYTES


@dataclass(frozen=True, slots=True)
class Reserved:
    """What one accepted slip could take. `market` is that of its only leg, None with several."""

    accepted_at_s: int
    risk_micro: int
    budget_micro: int
    market: bytes | None


@dataclass(frozen=True, slots=True)
class Kept:
    """The totals as they were read: what they leave of the house's capacity; None where they
    cannot be used for this reading of the key's budget. `known_timestamp_s` is None where there are
    none at all, and they must be counted."""

    capacity: Capacity | None
    known_timestamp_s: int | None


def kept_query(mirror_key: Mapping[str, Any], block: int) -> Query:
    """What reads the totals, for `kept_of_rows`; `block` is that of what is known of the keys."""
    return statements.RESERVES, {**mirror_key, "block": block}


def kept_of_rows(rows: Sequence[Mapping[str, Any]]) -> Kept | None:
    """The totals that were read; None while the mirror has no book."""
    if not rows:
        return None
    row = rows[0]
    if not row["usable"]:
        return Kept(None, row["known_timestamp_s"])
    capacity = Capacity(
        available_micro=row["free_micro"] - row["risk_micro"],
        outstanding_micro=row["risk_micro"],
        outstanding_budget_micro=row["budget_micro"],
        accumulators_micro=row["locked_accumulators_micro"] + row["accumulators_micro"],
        paused=row["paused"],
    )
    return Kept(capacity, row["known_timestamp_s"])


def locked_query(mirror_key: Mapping[str, Any], fixtures: Iterable[bytes]) -> Query:
    """What reads the totals of these fixtures, for `locked_of_rows`."""
    return statements.FIXTURES_KEPT, {**mirror_key, "fixtures": array(sorted(set(fixtures)))}


def locked_of_rows(rows: Iterable[Mapping[str, Any]]) -> LockedMicro:
    """At most what open bets and pending slips lock or could lock, by fixture and market id."""
    found: LockedMicro = {}
    for row in rows:
        market = bytes(row["market"])
        exposure = Exposure(
            row["payout_0_micro"],
            row["payout_1_micro"],
            row["payout_2_micro"],
            row["stakes_micro"],
        )
        of_fixture = found.setdefault(market[:FIXTURE_BYTES], defaultdict(int))
        of_fixture[market] += locked_micro(market, exposure) + row["risk_micro"]
    return found


async def count_anew(connection: Connection, mirror_key: Mapping[str, Any], block: int) -> int:
    """Replace the totals by the sums of the slips, whatever they were; returns the time of the
    block at which they are outstanding."""
    parameters = {**mirror_key, "block": block}
    counted, _, _ = await read_all(
        connection,
        (statements.COUNT_HOUSE, parameters),
        (statements.FORGET_MARKETS, {}),
        (statements.COUNT_MARKETS, parameters),
    )
    return int(counted[0]["known_timestamp_s"])


async def add(connection: Connection, reserved: Iterable[Reserved], counted_from_s: int) -> None:
    """Add accepted slips, but for those accepted before `counted_from_s`, whose receipts had lapsed
    when the totals were last moved."""
    counted = [one for one in reserved if one.accepted_at_s >= counted_from_s]
    by_market: defaultdict[bytes, int] = defaultdict(int)
    for one in counted:
        if one.market is not None:
            by_market[one.market] += one.risk_micro
    await connection.execute(
        statements.ADD,
        {
            "risk_micro": sum(one.risk_micro for one in counted),
            "budget_micro": sum(one.budget_micro for one in counted),
            "accumulators_micro": sum(one.risk_micro for one in counted if one.market is None),
            "markets": array(by_market),
            "risks_micro": array(by_market.values()),
        },
    )


async def is_due(connection: Connection, quiet_s: float) -> bool:
    """Whether the totals have not been moved for so long."""
    cursor = await connection.execute(statements.DUE, {"quiet_s": quiet_s})
    return await cursor.fetchone() is not None


async def advance(connection: Connection, mirror_key: Mapping[str, Any], block: int) -> None:
    """Subtract what is no longer outstanding at `block`, or at the newest confirmed one before;
    under the bankroll's lock."""
    await connection.execute(statements.ADVANCE, {**mirror_key, "block": block})
