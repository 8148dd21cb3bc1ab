"""Reads accounts, and reads and writes their withdrawals; decides nothing."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from backend.accounts.state import AccountState
from backend.database import Connection, Query, array
from backend.mirror import accounts as statements

_COLUMNS = """SELECT id, account, amount_micro, deadline_s, sequence, struct_hash, signature,
       house_signature, granted_at_s
FROM backend.withdrawal
"""
_GRANTED = f"{_COLUMNS} WHERE struct_hash = %(struct_hash)s"
_LAST = f"""
{_COLUMNS} WHERE account = %(account)s
ORDER BY granted_at_s DESC, withdrawals_before DESC, deadline_s DESC LIMIT 1
"""
_USABLE = """
SELECT count(*) AS usable FROM backend.withdrawal
WHERE account = %(account)s AND deadline_s >= %(head_timestamp_s)s
"""
_INSERT = """
INSERT INTO backend.withdrawal (id, account, amount_micro, deadline_s, sequence, struct_hash,
    signature, house_signature, granted_at_s, withdrawals_before)
VALUES (%(id)s, %(account)s, %(amount_micro)s, %(deadline_s)s, %(sequence)s, %(struct_hash)s,
    %(signature)s, %(house_signature)s, %(granted_at_s)s, %(withdrawals_before)s)
"""

_ACCOUNT_LOCKS = 0xACC


@dataclass(frozen=True, slots=True)
class GrantedWithdrawal:
    """A countersigned withdrawal as it is stored, but for the count of withdrawals before it."""

    id: uuid.UUID
    account: int
    amount_micro: int
    deadline_s: int
    sequence: int
    struct_hash: bytes
    signature: bytes
    house_signature: bytes
    granted_at_s: int


async def lock_accounts(connection: Connection, accounts: Iterable[int]) -> None:
    """Until the transaction ends, no other transaction reserves funds of these accounts. They are
    locked in the order of their numbers, so that two transactions never wait for each other."""
    await connection.execute(*lock_query(accounts))


def lock_query(accounts: Iterable[int]) -> Query:
    """What locks these accounts."""
    return (
        "SELECT pg_advisory_xact_lock(%(kind)s, key)"
        " FROM unnest(%(accounts)s::integer[]) AS locks (key)",
        {
            "kind": _ACCOUNT_LOCKS,
            "accounts": array(account - 2**31 for account in sorted(set(accounts))),
        },
    )


async def account_states(
    connection: Connection, mirror_key: Mapping[str, Any], accounts: Iterable[int]
) -> dict[int, AccountState]:
    """The states of these accounts by number; empty while the mirror is."""
    cursor = await connection.execute(*states_query(mirror_key, accounts))
    return states_of_rows(await cursor.fetchall())


def states_query(mirror_key: Mapping[str, Any], accounts: Iterable[int]) -> Query:
    """What reads the states of these accounts, for `states_of_rows`."""
    return statements.STATES, {**mirror_key, "accounts": array(sorted(set(accounts)))}


def states_of_rows(rows: Iterable[dict[str, Any]]) -> dict[int, AccountState]:
    """The states that were read, by the account's number."""
    return {row.pop("account"): AccountState(**row) for row in rows}


async def granted_withdrawal(
    connection: Connection, struct_hash: bytes
) -> GrantedWithdrawal | None:
    """A withdrawal that was countersigned before; None when it was not."""
    return await _one(connection, _GRANTED, {"struct_hash": struct_hash})


async def last_withdrawal(connection: Connection, account: int) -> GrantedWithdrawal | None:
    """The withdrawal of an account that was countersigned last."""
    return await _one(connection, _LAST, {"account": account})


async def _one(
    connection: Connection, statement: str, parameters: Mapping[str, Any]
) -> GrantedWithdrawal | None:
    row = await (await connection.execute(statement, parameters)).fetchone()
    return None if row is None else GrantedWithdrawal(**row)


async def usable_withdrawals(connection: Connection, account: int, head_timestamp_s: int) -> int:
    """How many countersigned withdrawals of an account have a deadline that has not passed."""
    parameters = {"account": account, "head_timestamp_s": head_timestamp_s}
    row = await (await connection.execute(_USABLE, parameters)).fetchone()
    assert row is not None, "a count has one row"
    return int(row["usable"])


async def insert_withdrawal(
    connection: Connection, withdrawal: GrantedWithdrawal, withdrawals_before: int
) -> None:
    """Store a countersigned withdrawal, with the number of those the mirror showed before it."""
    await connection.execute(
        _INSERT, {**asdict(withdrawal), "withdrawals_before": withdrawals_before}
    )
