"""Reads what every decision about an account needs: clock, owner, and whether the house's key
counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from backend.accounts.refusals import AccountOfAnother, AccountUnknown
from backend.chain_view import HouseState
from backend.clock import acceptance_s
from backend.database import Connection, Query, array
from backend.mirror.accounts import CONTEXTS
from backend.mirror.deployment import HEAD
from backend.problems import NotReady, mirror_missing
from backend.services import Services, other_chain_refused


@dataclass(frozen=True, slots=True)
class AccountContext:
    """The time of the clock that the API follows, the time that a receipt of now states, the
    address that owns the account, and what the house may commit."""

    now_s: int
    accepted_at_s: int
    owner: str
    house: HouseState


async def account_context(
    services: Services,
    account: int,
    key_refused: Callable[[Services, HouseState, int], str | None],
) -> AccountContext:
    """The context of a request for which the house signs, with the key that `key_refused` checks.
    Raises what AccountContexts.of raises, and ChainUnreachable."""
    house = await services.house.state()
    async with services.database.connection() as connection:
        contexts = await read_contexts(services, connection, house, [account], key_refused)
    return contexts.of(account)


@dataclass(frozen=True, slots=True)
class AccountContexts:
    """What was read for a group of accounts at one moment: the rows of CONTEXTS by account."""

    services: Services
    house: HouseState
    rows: Mapping[int, Mapping[str, Any]]
    key_refused: Callable[[Services, HouseState, int], str | None]
    # The time of the clock at the time of the mirror's head, once chain and key are found right.
    _times_s: dict[int, int] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of_rows(
        cls,
        services: Services,
        house: HouseState,
        rows: Iterable[Mapping[str, Any]],
        key_refused: Callable[[Services, HouseState, int], str | None],
    ) -> AccountContexts:
        """The contexts of the accounts in rows of CONTEXTS."""
        return cls(services, house, {row["account"]: row for row in rows}, key_refused)

    def of(self, account: int) -> AccountContext:
        """The context of one of the accounts. Raises AccountUnknown, and NotReady while the mirror
        is empty, too far behind or of another chain, or the sportsbook does not accept the key."""
        row = self.rows.get(account)
        if row is None or row["head_timestamp_s"] is None:
            raise mirror_missing()
        head_s = int(row["head_timestamp_s"])
        now_s = self._times_s.get(head_s)
        if now_s is None:
            now_s = self._times_s[head_s] = self._now_s(row, head_s)
        if row["owner"] is None:
            raise account_unknown(account)
        return AccountContext(now_s, acceptance_s(now_s, head_s), str(row["owner"]), self.house)

    def _now_s(self, row: Mapping[str, Any], head_s: int) -> int:
        """The time of the clock; the rows differ in nothing that counts here. Raises NotReady."""
        services, house = self.services, self.house
        if (reason := other_chain_refused(services, house, row["first_hash"])) is not None:
            raise NotReady(reason, retry_after_s=10)
        now_s = clock_s(services, head_s)
        if (reason := self.key_refused(services, house, now_s)) is not None:
            raise NotReady(reason, retry_after_s=10)
        return now_s


async def read_contexts(
    services: Services,
    connection: Connection,
    house: HouseState,
    accounts: Iterable[int],
    key_refused: Callable[[Services, HouseState, int], str | None],
) -> AccountContexts:
    """What is known of these accounts now."""
    rows = await (await connection.execute(*contexts_query(services, accounts))).fetchall()
    return AccountContexts.of_rows(services, house, rows, key_refused)


def contexts_query(services: Services, accounts: Iterable[int]) -> Query:
    """What reads these accounts, for `AccountContexts.of_rows`."""
    return CONTEXTS, {**services.mirror_key, "accounts": array(sorted(set(accounts)))}


def account_unknown(account: int) -> AccountUnknown:
    """The refusal while an account does not exist."""
    return AccountUnknown(
        f"Account {account} does not exist; the first deposit into the sportsbook opens it.",
        account=account,
    )


def check_owned(account: int, owner: str, address: str) -> None:
    """Raises AccountOfAnother unless `address`, that of a session, is the account's owner."""
    if owner.lower() != address.lower():
        raise AccountOfAnother(
            f"Account {account} belongs to {owner}; sign in with that wallet.", owner=owner
        )


async def clock_of_chain(services: Services) -> int:
    """The time of the clock that the API follows, for a request that is of no account yet. Raises
    ChainUnreachable, and NotReady while the mirror is empty, too far behind or of another chain."""
    house = await services.house.state()
    row = await services.database.row(HEAD, services.mirror_key)
    if row is None or row["head_timestamp_s"] is None:
        raise mirror_missing()
    if (reason := other_chain_refused(services, house, row["first_hash"])) is not None:
        raise NotReady(reason, retry_after_s=10)
    return clock_s(services, int(row["head_timestamp_s"]))


def clock_s(services: Services, head_s: int) -> int:
    """The time of the clock that the API follows, when the mirror's head is of `head_s`. Raises
    NotReady when the two differ by too much."""
    if services.settings.clock == "chain":
        return head_s
    now_s = int(time.time())
    if (reason := services.skew_refused(now_s, head_s)) is not None:
        raise NotReady(reason, retry_after_s=10)
    return now_s
