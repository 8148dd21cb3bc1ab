"""Reads and writes the limits of accounts, and reads what they have used; decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from backend.database import Connection
from backend.limits.rules import Change, Kind, Period, Use
from backend.mirror.limits import USE

_CHANGES = """
SELECT account, kind, period, amount, set_s, from_s FROM backend.limit_change
WHERE account = ANY(%(accounts)s) ORDER BY id
"""
_INSERT = """
INSERT INTO backend.limit_change (account, kind, period, amount, set_s, from_s)
VALUES (%(account)s, %(kind)s, %(period)s, %(amount)s, %(set_s)s, %(from_s)s)
"""


async def changes_of(connection: Connection, accounts: Iterable[int]) -> dict[int, list[Change]]:
    """All that the owners of these accounts have set, in this order; nothing for those who have
    set none."""
    parameters = {"accounts": sorted(set(accounts))}
    found: dict[int, list[Change]] = {}
    for row in await (await connection.execute(_CHANGES, parameters)).fetchall():
        found.setdefault(row.pop("account"), []).append(Change(**row))
    return found


async def insert_change(connection: Connection, account: int, change: Change) -> None:
    """Store what an owner has set."""
    # As words: a member of an enumeration would be written by its name.
    words = {"kind": str(change.kind), "period": str(change.period)}
    await connection.execute(_INSERT, {"account": account, **asdict(change), **words})


async def use_of(
    connection: Connection, mirror_key: Mapping[str, Any], account: int, now_s: int
) -> Use:
    """What an account has deposited, staked and lost in the periods before `now_s`."""
    parameters = {
        **mirror_key,
        "account": account,
        "now_s": now_s,
        "periods": [period.seconds for period in Period],
    }
    rows = await (await connection.execute(USE, parameters)).fetchall()
    by_seconds = {row["seconds"]: row for row in rows}
    return Use(
        {
            (kind, period): int(by_seconds[period.seconds][f"{kind}_micro"])
            for kind in Kind
            for period in Period
            if period.seconds in by_seconds
        }
    )
