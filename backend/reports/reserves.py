"""Stops acceptance when a running total of reserves differs from the slips that it counts."""

from __future__ import annotations

from sqlalchemy import Engine, text

from backend.deployment import Deployment
from backend.formatting import tokens
from backend.mirror.deployment import deployment_key, read_rows
from backend.mirror.reconciliation import RESERVES_DIFFER
from backend.mirror.reserves import DIFFERENCES

_FOUND = text("SELECT FROM backend.reconciliation WHERE name = :name AND differences > 0")


def reserve_faults(engine: Engine, deployment: Deployment, receipt_window_s: int) -> list[str]:
    """The first total that differs, with what to do. Counted only once reconciliation has found
    one, since it takes long."""
    with engine.connect() as connection:
        if connection.execute(_FOUND, {"name": RESERVES_DIFFER}).first() is None:
            return []
        parameters = {**deployment_key(deployment), "receipt_window_s": receipt_window_s}
        rows = read_rows(connection, DIFFERENCES, parameters)
    return [
        f"The running total {row.name} is {tokens(row.kept_micro)}, and the slips that it counts"
        f" have {tokens(row.counted_micro)}: find out why, then delete the row of"
        " backend.house_reserve, which has all totals counted again."
        for row in rows[:1]
    ]
