"""Reads bets and the house's book; writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backend.database import Database
from backend.mirror.bets import BET
from backend.mirror.bets import bets_of_account as bets_statement
from backend.mirror.book import BOOK


async def bets_of_account(
    database: Database,
    mirror_key: Mapping[str, Any],
    account: int,
    state: str | None,
    before: tuple[int, ...] | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Bets of an account, newest first; `before` is batch and bet of the last one of the page
    before."""
    parameters = {**mirror_key, "account": account, "limit": limit}
    if before is not None:
        parameters["batch"], parameters["bet"] = before
    return await database.rows(bets_statement(state, before=before is not None), parameters)


async def bet(
    database: Database, mirror_key: Mapping[str, Any], batch: int, number: int
) -> dict[str, Any] | None:
    """One bet of a batch."""
    return await database.row(BET, {**mirror_key, "batch": batch, "bet": number})


async def book(database: Database, mirror_key: Mapping[str, Any]) -> dict[str, Any] | None:
    """The house's book; None while the mirror has none."""
    return await database.row(BOOK, mirror_key)
