"""Reads bets and the house's book; writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backend.database import Database
from backend.mirror.bets import BET
from backend.mirror.book import BOOK


async def bet(
    database: Database, mirror_key: Mapping[str, Any], batch: int, number: int
) -> dict[str, Any] | None:
    """One bet of a batch."""
    return await database.row(BET, {**mirror_key, "batch": batch, "bet": number})


async def book(database: Database, mirror_key: Mapping[str, Any]) -> dict[str, Any] | None:
    """The house's book; None while the mirror has none."""
    return await database.row(BOOK, mirror_key)
