"""Runs the migrations of schema `backend` on the connection that `backend.migrate` passes."""

from __future__ import annotations

from typing import Any

from alembic import context
from sqlmodel import SQLModel

import backend.accounts.tables
import backend.batching.tables
import backend.cash_outs.tables
import backend.liquidity.tables
import backend.markets.tables
import backend.own_limits.tables
import backend.prices.tables
import backend.quotes.tables
import backend.relays.tables
import backend.reports.tables
import backend.settlement.tables
import backend.slips.tables
import backend.transactions.tables  # noqa: F401
from backend.migrate import SCHEMA, VERSION_TABLE

# The model of submissions does not import slips; the migration ties the two together.
_MIGRATION_ONLY = frozenset({"submission_slip_fkey"})


def _of_backend(name: str | None, kind: str, _parents: Any) -> bool:
    return name == SCHEMA if kind == "schema" else True


def _compared(
    object_: Any, name: str | None, kind: str, _reflected: bool, _compare_to: Any
) -> bool:
    if kind == "table":
        return bool(object_.schema == SCHEMA)
    return name not in _MIGRATION_ONLY


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    version_table=VERSION_TABLE,
    version_table_schema=SCHEMA,
    include_schemas=True,
    include_name=_of_backend,
    include_object=_compared,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
