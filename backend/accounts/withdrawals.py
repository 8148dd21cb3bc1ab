"""Owns countersigning withdrawals: the amount is set aside until the chain has it or cannot.

One withdrawal of an account at a time, none beside an announced exit, and none that could outlive
the delay of an exit announced meanwhile: so the next withdrawal that the mirror shows is this one.
"""

from __future__ import annotations

import uuid
from typing import Any

from psycopg.errors import LockNotAvailable

from backend.accounts.models import WithdrawalCreate
from backend.accounts.refusals import (
    ExitAnnounced,
    SequenceWrong,
    WithdrawalExpired,
    WithdrawalPending,
)
from backend.chain_view import ChainUnreachable
from backend.database import Connection
from backend.problems import NotReady, RateLimited
from backend.services import MIRROR_MISSING, Services
from backend.slips import repository
from backend.slips.acceptance import context
from backend.slips.decide import AccountState, balance_insufficient
from backend.slips.refusals import DeadlineTooFar
from backend.slips.signatures import check_signature
from protocol.typed_data import Withdrawal

_KNOWN = "SELECT house_signature FROM backend.withdrawal WHERE struct_hash = %(struct_hash)s"
_ALIVE = """
SELECT count(*) AS alive FROM backend.withdrawal
WHERE account = %(account)s AND deadline_s >= %(head_timestamp_s)s
"""
_MOST_ALIVE = 100
_INSERT = """
INSERT INTO backend.withdrawal (id, account, amount_micro, deadline_s, sequence, struct_hash,
    signature, house_signature, granted_at_s, withdrawals_before)
VALUES (%(id)s, %(account)s, %(amount_micro)s, %(deadline_s)s, %(sequence)s, %(struct_hash)s,
    %(signature)s, %(house_signature)s, %(granted_at_s)s, %(withdrawals_before)s)
"""


async def countersign(parts: Services, create: WithdrawalCreate) -> tuple[bytes, bool]:
    """The house's signature, and whether it is new. Raises the reason for which there is none."""
    now_s, owner = await context(parts, create.account)
    withdrawal = create.withdrawal()
    struct_hash = withdrawal.struct_hash()
    signature = bytes.fromhex(create.signature[2:])
    await check_signature(parts.domain, struct_hash, signature, owner, parts.chain)
    await parts.limiter.count("account", str(withdrawal.account))
    known = await parts.database.row(_KNOWN, {"struct_hash": struct_hash})
    if known is not None:
        return bytes(known["house_signature"]), False
    _check_deadline(parts, withdrawal, now_s)
    await _check_sequence(parts, withdrawal)
    row = {
        "id": uuid.uuid4(),
        "account": withdrawal.account,
        "amount_micro": withdrawal.amount_micro,
        "deadline_s": withdrawal.deadline_s,
        "sequence": withdrawal.sequence,
        "struct_hash": struct_hash,
        "signature": signature,
        "house_signature": await parts.signer.sign(parts.domain.digest(struct_hash)),
        "granted_at_s": now_s,
    }
    try:
        async with parts.database.transaction() as connection:
            return await _grant(parts, connection, withdrawal, row)
    except LockNotAvailable:
        raise NotReady("The house is busy; try again.", retry_after_s=1) from None


async def _grant(
    parts: Services, connection: Connection, withdrawal: Withdrawal, row: dict[str, Any]
) -> tuple[bytes, bool]:
    await repository.lock_account(connection, withdrawal.account)
    known = await (await connection.execute(_KNOWN, row)).fetchone()
    if known is not None:
        return bytes(known["house_signature"]), False
    found = await repository.account_state(connection, parts.key, withdrawal.account, 0)
    if found is None:
        raise NotReady(MIRROR_MISSING, retry_after_s=2)
    state, withdrawals, head_timestamp_s = found
    _check_state(withdrawal, state)
    await _check_count(connection, withdrawal, head_timestamp_s)
    if withdrawal.deadline_s >= head_timestamp_s + parts.house.exit_delay_s:
        raise NotReady("The mirror is too far behind the chain; try again.", retry_after_s=2)
    await connection.execute(_INSERT, {**row, "withdrawals_before": withdrawals})
    return row["house_signature"], True


async def _check_count(
    connection: Connection, withdrawal: Withdrawal, head_timestamp_s: int
) -> None:
    """The contract's sequence starts again after 127: a signature of that sequence must be dead by
    then, or it would pay once more."""
    row = await (
        await connection.execute(
            _ALIVE, {"account": withdrawal.account, "head_timestamp_s": head_timestamp_s}
        )
    ).fetchone()
    if row is not None and row["alive"] >= _MOST_ALIVE:
        raise RateLimited(
            f"{_MOST_ALIVE} withdrawals of this account were countersigned whose deadlines are"
            " still ahead; wait until the first has passed, or announce an exit on the contract.",
            retry_after_s=60,
        )


def _check_deadline(parts: Services, withdrawal: Withdrawal, now_s: int) -> None:
    if withdrawal.deadline_s <= now_s:
        raise WithdrawalExpired(
            f"The deadline {withdrawal.deadline_s} has passed, it is {now_s} now; sign again.",
            now_s=now_s,
        )
    latest_s = now_s + parts.house.receipt_window_s
    if withdrawal.deadline_s > latest_s:
        raise DeadlineTooFar(
            f"The deadline may lie {parts.house.receipt_window_s} s ahead, at {latest_s} at most.",
            now_s=now_s,
            latest_s=latest_s,
        )


async def _check_sequence(parts: Services, withdrawal: Withdrawal) -> None:
    if parts.chain is None:
        raise ChainUnreachable(
            "This API has no chain node to ask for the account's withdrawals (RPC_URL); announce an"
            " exit on the contract, which needs nobody."
        )
    used = await parts.chain.withdrawals_used(withdrawal.account)
    if withdrawal.sequence != used:
        raise SequenceWrong(
            f"The account's next withdrawal has sequence {used}, not {withdrawal.sequence}.",
            sequence=used,
        )


def _check_state(withdrawal: Withdrawal, state: AccountState) -> None:
    if state.withdrawals_micro:
        raise WithdrawalPending(
            "A countersigned withdrawal of this account can still be used; send it, or wait until"
            " its deadline has passed.",
            retry_after_s=5,
        )
    if state.exit_micro:
        raise ExitAnnounced(
            "An exit is announced on the contract; take it when it unlocks, or announce 0 and ask"
            " again."
        )
    if withdrawal.amount_micro > state.available_micro:
        raise balance_insufficient(withdrawal.account, state, withdrawal.amount_micro)
