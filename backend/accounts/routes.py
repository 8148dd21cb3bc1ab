"""Owns the paths of accounts, their movements and withdrawals."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response

from backend.accounts import refusals as own
from backend.accounts.models import (
    AccountPublic,
    MovementPage,
    MovementPublic,
    WithdrawalCreate,
    WithdrawalPublic,
)
from backend.accounts.withdrawals import countersign
from backend.chain_view import ChainUnreachable
from backend.paging import DEFAULT_PAGE, MAX_PAGE, read_cursor, write_cursor
from backend.problems import BodyMalformed, BodyTooLarge, NotReady, RateLimited, responses
from backend.services import MIRROR_MISSING, Services, services
from backend.slips import refusals, repository
from backend.slips.models import MAX_ACCOUNT
from backend.slips.refusals import AccountUnknown
from backend.stages import stage_sql

router = APIRouter(prefix="/v1", tags=["accounts"])

Parts = Annotated[Services, Depends(services)]
AccountNumber = Annotated[int, Path(ge=1, le=MAX_ACCOUNT)]
Owner = Annotated[str, Path(pattern="^0x[0-9a-fA-F]{40}$")]

_OWNER = """
SELECT d.id, a.account, a.owner FROM mirror.deployment d
LEFT JOIN mirror.account a ON a.deployment = d.id
     AND (a.account = %(account)s OR lower(a.owner) = lower(%(owner)s))
WHERE d.chain_id = %(chain_id)s AND lower(d.sportsbook) = lower(%(sportsbook)s)
  AND d.head_block IS NOT NULL
"""
_MOVEMENTS = f"""
SELECT m.kind, m.delta_micro, m.block, m.log_index, m.seq, m.batch, m.bet,
       {stage_sql("m.block")} AS stage
FROM mirror.deployment d JOIN mirror.movement m ON m.deployment = d.id
WHERE d.chain_id = %(chain_id)s AND lower(d.sportsbook) = lower(%(sportsbook)s)
  AND m.account = %(account)s
  AND (%(block)s::bigint IS NULL OR (m.block, m.log_index, m.seq)
       < (%(block)s::bigint, %(log_index)s::bigint, %(seq)s::bigint))
ORDER BY m.block DESC, m.log_index DESC, m.seq DESC
LIMIT %(limit)s
"""  # noqa: S608 - the fragment is a constant of ours


@router.get(
    "/accounts/by-owner/{owner}", responses=responses(AccountUnknown, BodyMalformed, NotReady)
)
async def get_account_by_owner(parts: Parts, owner: Owner) -> AccountPublic:
    """The account of an address."""
    return await _account(parts, None, owner)


@router.get("/accounts/{account}", responses=responses(AccountUnknown, BodyMalformed, NotReady))
async def get_account(parts: Parts, account: AccountNumber) -> AccountPublic:
    """An account by its number."""
    return await _account(parts, account, None)


@router.get("/accounts/{account}/movements", responses=responses(BodyMalformed, NotReady))
async def get_movements(
    parts: Parts,
    account: AccountNumber,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = DEFAULT_PAGE,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> MovementPage:
    """All money that came to an account and left it, the newest first."""
    after = read_cursor(cursor, 3) or (None, None, None)
    parameters = {
        **parts.key,
        "account": account,
        "block": after[0],
        "log_index": after[1],
        "seq": after[2],
        "limit": limit + 1,
    }
    rows = await parts.database.rows(_MOVEMENTS, parameters)
    page = rows[:limit]
    last = page[-1] if len(rows) > limit else None
    return MovementPage(
        movements=[_movement(row) for row in page],
        next_cursor=last and write_cursor((last["block"], last["log_index"], last["seq"])),
    )


@router.post(
    "/withdrawals",
    status_code=201,
    responses={
        200: {"model": WithdrawalPublic, "description": "It was countersigned before."},
        **responses(
            BodyMalformed,
            BodyTooLarge,
            own.AmountInvalid,
            AccountUnknown,
            refusals.SignatureInvalid,
            refusals.WrongChain,
            refusals.ContractSignatureUnsupported,
            own.WithdrawalExpired,
            refusals.DeadlineTooFar,
            own.SequenceWrong,
            own.WithdrawalPending,
            own.ExitAnnounced,
            refusals.BalanceInsufficient,
            RateLimited,
            ChainUnreachable,
            NotReady,
        ),
    },
)
async def post_withdrawal(
    parts: Parts, response: Response, create: WithdrawalCreate
) -> WithdrawalPublic:
    """Have the house countersign a withdrawal; the owner then sends `Sportsbook.withdrawGranted`.
    The amount is set aside until the chain has it or the deadline has passed."""
    signature, new = await countersign(parts, create)
    response.status_code = 201 if new else 200
    return WithdrawalPublic(
        account=create.account,
        amount_micro=create.amount_micro,
        deadline_s=create.deadline_s,
        sequence=create.sequence,
        word=hex(create.withdrawal().word()),
        signature=f"0x{signature.hex()}",
        signer=parts.signer.address,
        contract=parts.domain.contract,
    )


async def _account(parts: Services, account: int | None, owner: str | None) -> AccountPublic:
    found = await parts.database.row(_OWNER, {**parts.key, "account": account, "owner": owner})
    if found is None:
        raise NotReady(MIRROR_MISSING, retry_after_s=2)
    if found["account"] is None:
        named = f"account {account}" if owner is None else f"account of {owner}"
        raise AccountUnknown(f"There is no {named}; the first deposit opens it.")
    number = int(found["account"])
    sequence = None
    if parts.chain is not None:
        try:
            sequence = await parts.chain.withdrawals_used(number)
        except ChainUnreachable:
            sequence = None
    async with parts.database.connection() as connection:
        state = await repository.account_state(connection, parts.key, number, 0)
    if state is None:
        raise NotReady(MIRROR_MISSING, retry_after_s=2)
    return AccountPublic(
        account=number,
        owner=found["owner"],
        balance_micro=str(state[0].balance_micro),
        reserved_micro=str(state[0].reserved_micro),
        available_micro=str(state[0].available_micro),
        pending_slips=state[0].pending,
        next_nonce=state[0].next_nonce,
        withdrawal_sequence=sequence,
        excluded_until_s=state[0].excluded_until_s or None,
    )


def _movement(row: dict[str, Any]) -> MovementPublic:
    return MovementPublic(
        kind=row["kind"],
        delta_micro=str(row["delta_micro"]),
        block=row["block"],
        batch=row["batch"],
        bet=row["bet"],
        stage=row["stage"],
    )
