"""Reads what every decision about an account needs: clock and owner."""

from __future__ import annotations

import time
from dataclasses import dataclass

from backend.accounts.refusals import AccountUnknown
from backend.mirror.accounts import CONTEXT
from backend.problems import NotReady
from backend.services import Services, mirror_missing, signer_unregistered


@dataclass(frozen=True, slots=True)
class AccountContext:
    """The time of the clock that the API follows, and the address that owns the account."""

    now_s: int
    owner: str


async def account_context(services: Services, account: int) -> AccountContext:
    """The context of a request that commits the house to an account. Raises AccountUnknown, and
    NotReady while the mirror is empty or too far behind, or the house's key is not registered."""
    parameters = {
        **services.mirror_key,
        "account": account,
        "signer": services.signer.address,
    }
    row = await services.database.row(CONTEXT, parameters)
    if row is None or row["head_timestamp_s"] is None:
        raise mirror_missing()
    if not row["signer_registered"]:
        raise NotReady(signer_unregistered(services), retry_after_s=10)
    if row["owner"] is None:
        raise AccountUnknown(
            f"Account {account} does not exist; the first deposit into the sportsbook opens it.",
            account=account,
        )
    return AccountContext(_now_s(services, int(row["head_timestamp_s"])), str(row["owner"]))


def _now_s(services: Services, head_s: int) -> int:
    if services.settings.clock == "chain":
        return head_s
    now_s = int(time.time())
    behind_s = now_s - head_s
    if behind_s > services.windows.receipt_window_s:
        # What the chain has done since, exits above all, would be missed.
        raise NotReady(
            f"The mirror is {behind_s} s behind the chain; nothing can be accepted until it has"
            " caught up.",
            retry_after_s=10,
        )
    return now_s
