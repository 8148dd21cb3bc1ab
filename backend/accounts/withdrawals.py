"""Countersigns withdrawals: the amount is reserved until the chain pays it out or no longer can.

An account has one usable withdrawal at a time, none beside an announced exit, and none that could
outlive the delay of an exit announced meanwhile. So the next withdrawal that the mirror shows is
this one.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from psycopg.errors import LockNotAvailable

from backend.accounts import repository
from backend.accounts.check_signature import check_signature
from backend.accounts.context import account_context
from backend.accounts.models import WithdrawalCreate
from backend.accounts.refusals import (
    AmountUneven,
    DeadlineTooFar,
    ExitAnnounced,
    SequenceWrong,
    TooManyWithdrawals,
    WithdrawalExpired,
    WithdrawalPending,
)
from backend.accounts.repository import GrantedWithdrawal
from backend.accounts.state import AccountState, balance_insufficient
from backend.database import Connection
from backend.formatting import tokens, utc
from backend.problems import NotReady, busy, mirror_missing
from backend.services import Services, withdrawal_key_refused
from protocol.typed_data import Withdrawal

MAX_USABLE = 100


@dataclass(frozen=True, slots=True)
class Countersignature:
    """A withdrawal that the house has signed, and whether this request made it sign."""

    withdrawal: GrantedWithdrawal
    new: bool


async def countersign(services: Services, create: WithdrawalCreate) -> Countersignature:
    """Countersign a withdrawal. One that was countersigned before is answered the same; so is one
    that differs from the pending one by its deadline alone, because the answer may have been lost.
    Raises the refusal when it cannot be countersigned."""
    context = await account_context(services, create.account, withdrawal_key_refused)
    withdrawal = create.withdrawal()
    struct_hash = withdrawal.struct_hash()
    signature = await check_signature(
        services.domain,
        withdrawal,
        bytes.fromhex(create.signature[2:]),
        context.owner,
        services.chain,
    )
    async with services.database.connection() as connection:
        earlier = await repository.granted_withdrawal(connection, struct_hash)
    if earlier is not None:
        return Countersignature(earlier, new=False)
    # What was countersigned before, anybody can send: the chain shows it.
    await services.limiter.count("account", str(withdrawal.account))
    if (reason := await services.migration_missing()) is not None:
        raise NotReady(reason, retry_after_s=5)
    _check_amount(services, withdrawal)
    _check_deadline(services, withdrawal, context.now_s)
    await _check_sequence(services, withdrawal)
    granted = GrantedWithdrawal(
        id=uuid.uuid4(),
        account=withdrawal.account,
        amount_micro=withdrawal.amount_micro,
        deadline_s=withdrawal.deadline_s,
        sequence=withdrawal.sequence,
        struct_hash=struct_hash,
        signature=signature,
        house_signature=await services.withdrawal_signer.sign(services.domain.digest(struct_hash)),
        granted_at_s=context.now_s,
    )
    try:
        async with services.database.transaction() as connection:
            return await _reserve(services, connection, withdrawal, granted)
    except LockNotAvailable:
        raise busy() from None


async def _reserve(
    services: Services,
    connection: Connection,
    withdrawal: Withdrawal,
    granted: GrantedWithdrawal,
) -> Countersignature:
    """Store the withdrawal if the account's state allows it, under the account's lock."""
    await repository.lock_accounts(connection, [withdrawal.account])
    earlier = await repository.granted_withdrawal(connection, granted.struct_hash)
    if earlier is not None:
        return Countersignature(earlier, new=False)
    accounts = [withdrawal.account]
    states = await repository.account_states(connection, services.mirror_key, accounts)
    if (state := states.get(withdrawal.account)) is None:
        raise mirror_missing()
    if state.withdrawals_micro:
        pending = await repository.last_withdrawal(connection, withdrawal.account)
        return Countersignature(_same_but_for_its_deadline(pending, withdrawal), new=False)
    _check_state(withdrawal, state)
    await _check_usable(connection, withdrawal, state.head_timestamp_s)
    if withdrawal.deadline_s >= state.head_timestamp_s + services.windows.exit_delay_s:
        raise NotReady("The mirror is too far behind the chain; try again.", retry_after_s=2)
    await repository.insert_withdrawal(connection, granted, state.withdrawals)
    return Countersignature(granted, new=True)


async def _check_usable(
    connection: Connection, withdrawal: Withdrawal, head_timestamp_s: int
) -> None:
    """The contract's sequence starts again after 127. By then a signature with that sequence must
    have expired, or it would pay a second time."""
    usable = await repository.usable_withdrawals(connection, withdrawal.account, head_timestamp_s)
    if usable >= MAX_USABLE:
        raise TooManyWithdrawals(
            f"{MAX_USABLE} countersigned withdrawals of this account are still valid; wait until"
            " the first one expires, or announce an exit on the contract.",
            retry_after_s=60,
            valid=usable,
        )


def _check_amount(services: Services, withdrawal: Withdrawal) -> None:
    scale = services.deployment.scale
    if not scale.is_whole(withdrawal.amount_micro):
        raise AmountUneven(
            f"The token's unit is {tokens(scale.micro_per_unit)}; withdraw a multiple of it. The"
            " rest stays in the account.",
            unit_micro=str(scale.micro_per_unit),
        )


def _check_deadline(services: Services, withdrawal: Withdrawal, now_s: int) -> None:
    if withdrawal.deadline_s <= now_s:
        raise WithdrawalExpired(
            f"The deadline was {utc(withdrawal.deadline_s)} and it is now {utc(now_s)}; sign again"
            " with a later deadline.",
            now_s=now_s,
        )
    window_s = services.windows.receipt_window_s
    latest_s = now_s + window_s
    if withdrawal.deadline_s > latest_s:
        raise DeadlineTooFar(
            f"The deadline may be at most {window_s} s ahead, at {utc(latest_s)}; sign again with"
            " an earlier one.",
            now_s=now_s,
            latest_s=latest_s,
        )


async def _check_sequence(services: Services, withdrawal: Withdrawal) -> None:
    used = await services.chain.withdrawals_used(withdrawal.account)
    if withdrawal.sequence != used:
        raise SequenceWrong(
            f"The account's next withdrawal has sequence {used}, not {withdrawal.sequence}.",
            sequence=used,
        )


def _check_state(withdrawal: Withdrawal, state: AccountState) -> None:
    if state.exit_micro:
        raise ExitAnnounced(
            "An exit is announced on the contract. Call `exit` once the exit delay has passed, or"
            " cancel with `requestExit(0)` and try again."
        )
    if withdrawal.amount_micro > state.available_micro:
        raise balance_insufficient(withdrawal.account, state, withdrawal.amount_micro)


def _same_but_for_its_deadline(
    pending: GrantedWithdrawal | None, withdrawal: Withdrawal
) -> GrantedWithdrawal:
    """The pending withdrawal, if it is of the same amount and sequence. Raises
    WithdrawalPending."""
    assert pending is not None, "what is reserved was granted"
    if (pending.amount_micro, pending.sequence) == (withdrawal.amount_micro, withdrawal.sequence):
        return pending
    raise WithdrawalPending(
        f"A countersigned withdrawal of {tokens(pending.amount_micro)} can be used until"
        f" {utc(pending.deadline_s)}. Send it (GET /v1/accounts/{pending.account}/withdrawals shows"
        " it again), or wait until its deadline has passed.",
        retry_after_s=5,
        amount_micro=str(pending.amount_micro),
        sequence=pending.sequence,
        deadline_s=pending.deadline_s,
    )
