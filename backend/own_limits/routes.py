"""Serves the limits that owners set themselves."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter
from psycopg.errors import LockNotAvailable

from backend.accounts.context import account_unknown, check_owned
from backend.accounts.refusals import AccountOfAnother, AccountUnknown, AmountInvalid
from backend.accounts.repository import lock_accounts
from backend.api.json_bodies import JsonRoute
from backend.database import Connection
from backend.fields import AccountNumber
from backend.mirror.accounts import CONTEXTS
from backend.own_limits import repository
from backend.own_limits.models import OwnLimitPublic, OwnLimitsPublic, OwnLimitsSet
from backend.own_limits.refusals import TimeOutKept
from backend.own_limits.rules import (
    Change,
    Kind,
    Period,
    Use,
    change_of,
    limit_of,
    superseded_by,
    time_out_change,
    time_out_s,
)
from backend.problems import (
    BODY_REFUSALS,
    BodyMalformed,
    NotReady,
    RateLimited,
    busy,
    mirror_missing,
    responses,
)
from backend.services import Services, ServicesDep
from backend.sessions.caller import NEEDS_SESSION, SessionDep
from backend.sessions.refusals import SESSION_REFUSALS
from backend.sessions.store import Session

router = APIRouter(prefix="/v1", tags=["accounts"], route_class=JsonRoute)

_PATH = "/accounts/{account}/limits"


@router.get(
    _PATH,
    openapi_extra=NEEDS_SESSION,
    responses=responses(
        *SESSION_REFUSALS, AccountUnknown, AccountOfAnother, BodyMalformed, NotReady
    ),
)
async def get_limits(
    services: ServicesDep, session: SessionDep, account: AccountNumber
) -> OwnLimitsPublic:
    """Returns the limits that the caller has set for the own account, and what is used of them."""
    await _check_owner(services, session, account)
    now_s = await services.now_s()
    async with services.database.connection() as connection:
        return await _limits(services, connection, account, now_s)


@router.put(
    _PATH,
    openapi_extra=NEEDS_SESSION,
    responses=responses(
        *BODY_REFUSALS,
        *SESSION_REFUSALS,
        AmountInvalid,
        AccountUnknown,
        AccountOfAnother,
        TimeOutKept,
        RateLimited,
        NotReady,
    ),
)
async def put_limits(
    services: ServicesDep, session: SessionDep, account: AccountNumber, wanted: OwnLimitsSet
) -> OwnLimitsPublic:
    """Sets limits on deposits, stakes and losses, and a time-out, for the caller's own account.
    Slips that were accepted before stay accepted."""
    await _check_owner(services, session, account)
    await services.limiter.count("account", str(account))
    now_s = await services.now_s()
    try:
        async with services.database.transaction() as connection:
            # No slip is accepted meanwhile.
            await lock_accounts(connection, [account])
            await _set(connection, account, wanted, now_s)
            return await _limits(services, connection, account, now_s)
    except LockNotAvailable:
        raise busy() from None


async def _set(connection: Connection, account: int, wanted: OwnLimitsSet, now_s: int) -> None:
    """Store what of this changes something. Raises TimeOutKept."""
    known = (await repository.changes_of(connection, [account])).get(account, [])

    async def store(change: Change | None) -> None:
        if change is not None:
            superseded = superseded_by(known, change)
            stored = await repository.insert_change(connection, account, change, superseded)
            known[:] = [one for one in known if one.id not in superseded]
            known.append(stored)

    for one in wanted.limits:
        amount = None if one.limit_micro is None else int(one.limit_micro)
        await store(change_of(known, (one.kind, one.period), amount, now_s))
    if wanted.time_out_until_s is not None:
        await store(time_out_change(known, wanted.time_out_until_s, now_s))


async def _check_owner(services: Services, session: Session, account: int) -> None:
    """Raises AccountUnknown, AccountOfAnother and NotReady."""
    row = await services.database.row(CONTEXTS, {**services.mirror_key, "accounts": [account]})
    if row is None:
        raise mirror_missing()
    owner = row["owner"]
    if owner is None:
        raise account_unknown(account)
    check_owned(account, owner, session.address)


async def _limits(
    services: Services, connection: Connection, account: int, now_s: int
) -> OwnLimitsPublic:
    changes = (await repository.changes_of(connection, [account])).get(account, [])
    use = await repository.use_of(connection, services.mirror_key, account, now_s)
    until_s = time_out_s(changes)
    return OwnLimitsPublic(
        account=account,
        now_s=now_s,
        limits=[_limit(changes, use, kind, period, now_s) for kind in Kind for period in Period],
        time_out_until_s=until_s if until_s > now_s else None,
    )


def _limit(
    changes: Sequence[Change], use: Use, kind: Kind, period: Period, now_s: int
) -> OwnLimitPublic:
    counted = limit_of(changes, (kind, period), now_s)
    used_micro = use.micro.get((kind, period), 0)
    return OwnLimitPublic(
        kind=kind,
        period=period,
        limit_micro=_text(counted.amount),
        used_micro=str(used_micro),
        left_micro=str(max(0, counted.amount - used_micro)) if counted.amount is not None else None,
        next_limit_micro=_text(counted.next_amount),
        next_from_s=counted.next_from_s,
    )


def _text(micro: int | None) -> str | None:
    return None if micro is None else str(micro)
