"""Reads and writes the limits of accounts, and reads what they have used; decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from backend.database import Connection, Query, array
from backend.mirror.limits import USE
from backend.own_limits.rules import Change, Kind, Period, Use

# Of what an owner has ever set, at most two of each kind and period can still count: acceptance
# reads them under the house's lock, and must not read a history that an owner can make longer.
_CHANGES = """
SELECT id, account, kind, period, amount, set_s, from_s FROM backend.limit_change
WHERE account = ANY(%(accounts)s::bigint[]) AND NOT superseded ORDER BY id
"""
_SUPERSEDE = "UPDATE backend.limit_change SET superseded = true WHERE id = ANY(%(ids)s)"
_INSERT = """
INSERT INTO backend.limit_change (account, kind, period, amount, set_s, from_s)
VALUES (%(account)s, %(kind)s, %(period)s, %(amount)s, %(set_s)s, %(from_s)s)
RETURNING id
"""


async def changes_of(connection: Connection, accounts: Iterable[int]) -> dict[int, list[Change]]:
    """What the owners of these accounts have set and can still count, in this order; nothing for
    those who have set none."""
    cursor = await connection.execute(*changes_query(accounts))
    return changes_of_rows(await cursor.fetchall())


def changes_query(accounts: Iterable[int]) -> Query:
    """What reads the changes of these accounts, for `changes_of_rows`."""
    return _CHANGES, {"accounts": array(sorted(set(accounts)))}


def changes_of_rows(rows: Iterable[dict[str, Any]]) -> dict[int, list[Change]]:
    """The changes that were read, by account."""
    found: dict[int, list[Change]] = {}
    for row in rows:
        found.setdefault(row.pop("account"), []).append(Change(**row))
    return found


async def insert_change(
    connection: Connection, account: int, change: Change, superseded: Sequence[int]
) -> Change:
    """Store what an owner has set, and mark what it replaces; returns it with its id."""
    await connection.execute(_SUPERSEDE, {"ids": list(superseded)})
    # As words: a member of an enumeration would be written by its name.
    words = {"kind": str(change.kind), "period": str(change.period)}
    parameters = {"account": account, **asdict(change), **words}
    row = await (await connection.execute(_INSERT, parameters)).fetchone()
    assert row is not None, "an insert returns its row"
    return replace(change, id=row["id"])


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
