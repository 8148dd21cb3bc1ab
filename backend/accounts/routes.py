"""Serves accounts, their movements and withdrawals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response

from backend.accounts import refusals, repository
from backend.accounts.models import (
    AccountList,
    AccountPublic,
    MovementPage,
    MovementPublic,
    WithdrawalCreate,
    WithdrawalListed,
    WithdrawalPage,
    WithdrawalPublic,
)
from backend.accounts.refusals import AccountUnknown
from backend.accounts.withdrawals import countersign
from backend.api.json_bodies import JsonRoute
from backend.chain_view import ChainUnreachable
from backend.fields import ADDRESS, AccountNumber, Hash, Owner
from backend.mirror.accounts import ACCOUNT, MOVEMENTS, WITHDRAWALS
from backend.paging import PagingByOne, PagingByThree
from backend.problems import (
    BODY_REFUSALS,
    BodyMalformed,
    NotFound,
    NotReady,
    RateLimited,
    mirror_missing,
    responses,
)
from backend.services import Services, ServicesDep
from protocol.signatures import pair, recover
from protocol.typed_data import Withdrawal

router = APIRouter(prefix="/v1", tags=["accounts"], route_class=JsonRoute)


@router.get(
    "/accounts/by-owner/{owner}", responses=responses(AccountUnknown, BodyMalformed, NotReady)
)
async def get_account_by_owner(services: ServicesDep, owner: Owner) -> AccountPublic:
    """Returns the account that an address owns."""
    return await _account(services, None, owner)


@router.get("/accounts", responses=responses(BodyMalformed, NotReady))
async def list_accounts(
    services: ServicesDep,
    owner: Annotated[str, Query(pattern=ADDRESS, description="Address of the owner, in any case.")],
) -> AccountList:
    """Lists the one account that an address owns, or none before its first deposit: here an address
    without an account is no error."""
    try:
        return AccountList(accounts=[await _account(services, None, owner)])
    except AccountUnknown:
        return AccountList(accounts=[])


@router.get("/accounts/{account}", responses=responses(AccountUnknown, BodyMalformed, NotReady))
async def get_account(services: ServicesDep, account: AccountNumber) -> AccountPublic:
    """Returns an account by its number."""
    return await _account(services, account, None)


@router.get("/accounts/{account}/movements", responses=responses(BodyMalformed, NotReady))
async def get_movements(
    services: ServicesDep, account: AccountNumber, paging: PagingByThree
) -> MovementPage:
    """Lists every change of an account's balance, newest first."""
    parameters = {**services.mirror_key, "account": account}
    order = ("block", "log_index", "seq")
    page = await paging.read(services.database, MOVEMENTS, parameters, order)
    return MovementPage(
        movements=[_movement(row) for row in page.rows], next_cursor=page.next_cursor
    )


@router.get("/accounts/{account}/withdrawals", responses=responses(BodyMalformed, NotReady))
async def get_withdrawals(
    services: ServicesDep, account: AccountNumber, paging: PagingByOne
) -> WithdrawalPage:
    """Lists the withdrawals of an account that the house has countersigned, newest first."""
    parameters = {**services.mirror_key, "account": account, "struct_hash": None}
    page = await paging.read(services.database, WITHDRAWALS, parameters, ("granted_seq",))
    return WithdrawalPage(
        withdrawals=[_listed(services, row) for row in page.rows], next_cursor=page.next_cursor
    )


@router.get(
    "/withdrawals/{withdrawal_hash}", responses=responses(NotFound, BodyMalformed, NotReady)
)
async def get_withdrawal(services: ServicesDep, withdrawal_hash: Hash) -> WithdrawalListed:
    """Returns a countersigned withdrawal by its EIP-712 struct hash."""
    struct_hash = bytes.fromhex(withdrawal_hash[2:])
    async with services.database.connection() as connection:
        granted = await repository.granted_withdrawal(connection, struct_hash)
    if granted is None:
        raise NotFound(f"No withdrawal {withdrawal_hash} was countersigned.")
    parameters = {
        **services.mirror_key,
        "account": granted.account,
        "granted_seq": None,
        "struct_hash": struct_hash,
        "limit": 1,
    }
    row = await services.database.row(WITHDRAWALS, parameters)
    if row is None:
        raise mirror_missing()
    return _listed(services, row)


@router.post(
    "/withdrawals",
    status_code=201,
    responses={
        200: {"model": WithdrawalPublic, "description": "The withdrawal was countersigned before."},
        **responses(
            *BODY_REFUSALS,
            refusals.AmountInvalid,
            refusals.AmountUneven,
            AccountUnknown,
            *refusals.SIGNATURE_REFUSALS,
            refusals.WalletNotDeployed,
            refusals.WithdrawalExpired,
            refusals.DeadlineTooFar,
            refusals.SequenceWrong,
            refusals.WithdrawalPending,
            refusals.TooManyWithdrawals,
            refusals.ExitAnnounced,
            refusals.BalanceInsufficient,
            RateLimited,
            ChainUnreachable,
            NotReady,
        ),
    },
)
async def post_withdrawal(
    services: ServicesDep, response: Response, create: WithdrawalCreate
) -> WithdrawalPublic:
    """Countersigns a withdrawal, which its owner then sends to `Sportsbook.withdrawGranted`. The
    amount is reserved until the chain pays it out or the deadline has passed. A repeated
    request, also one with another deadline, gets the pending one."""
    countersignature = await countersign(services, create)
    response.status_code = 201 if countersignature.new else 200
    return WithdrawalPublic(**_granted(services, asdict(countersignature.withdrawal)))


def _listed(services: Services, row: Mapping[str, Any]) -> WithdrawalListed:
    return WithdrawalListed(
        **_granted(services, row), status=_withdrawal_status(row), block=row["block"]
    )


def _granted(services: Services, row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a countersigned withdrawal."""
    withdrawal = Withdrawal(row["account"], row["amount_micro"], row["deadline_s"], row["sequence"])
    struct_hash, signature = bytes(row["struct_hash"]), bytes(row["house_signature"])
    r, vs = pair(signature)
    return {
        "account": withdrawal.account,
        "amount_micro": str(withdrawal.amount_micro),
        "deadline_s": withdrawal.deadline_s,
        "sequence": withdrawal.sequence,
        "withdrawal_hash": f"0x{struct_hash.hex()}",
        "granted_at_s": row["granted_at_s"],
        "r": f"0x{r.hex()}",
        "vs": f"0x{vs.hex()}",
        "word": hex(withdrawal.word()),
        "signature": f"0x{signature.hex()}",
        # The key may have been replaced since.
        "signer": recover(services.domain.digest(struct_hash), signature),
        "contract": services.domain.contract,
    }


def _withdrawal_status(row: Mapping[str, Any]) -> Literal["usable", "paid", "expired"]:
    if row["block"] is not None:
        return "paid"
    return "expired" if row["expired"] else "usable"


async def _account(services: Services, account: int | None, owner: str | None) -> AccountPublic:
    row = await services.database.row(
        ACCOUNT, {**services.mirror_key, "account": account, "owner": owner}
    )
    if row is None:
        raise mirror_missing()
    if row["account"] is None:
        asked = f"Account {account} does not exist" if owner is None else f"{owner} has no account"
        raise AccountUnknown(f"{asked}; the first deposit opens it.")
    number = int(row["account"])
    sequence = await _withdrawal_sequence(services, number)
    async with services.database.connection() as connection:
        states = await repository.account_states(connection, services.mirror_key, [number])
    if (state := states.get(number)) is None:
        raise mirror_missing()
    return AccountPublic(
        account=number,
        owner=row["owner"],
        balance_micro=str(state.balance_micro),
        reserved_micro=str(state.reserved_micro),
        available_micro=str(state.available_micro),
        pending_slips=state.pending,
        next_nonce=state.nonces(services.windows.receipt_window_s).next,
        withdrawal_sequence=sequence,
        request_number=row["request_number"],
        excluded_until_s=state.excluded_until_s or None,
        exit_micro=str(state.exit_micro),
        exit_unlocks_at_s=state.exit_unlocks_at_s,
    )


async def _withdrawal_sequence(services: Services, account: int) -> int | None:
    """The sequence of the account's next withdrawal; None when no chain node answers."""
    try:
        return await services.chain.withdrawals_used(account)
    except ChainUnreachable:
        return None


def _movement(row: dict[str, Any]) -> MovementPublic:
    return MovementPublic(
        kind=row["kind"],
        delta_micro=str(row["delta_micro"]),
        block=row["block"],
        at_s=row["at_s"],
        tx_hash=None if row["tx_hash"] is None else f"0x{bytes(row['tx_hash']).hex()}",
        batch=row["batch"],
        bet=row["bet"],
        stage=row["stage"],
    )
