"""Writes the report of a worker that finds nothing wrong, for tests of an API without one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from backend.reports.tables import HouseReport
from tests.support.nodes import CHAIN_ID


def good_report(sportsbook: str) -> dict[str, Any]:
    """The columns of a report that all is well, new for a whole test."""
    return {
        "chain_id": CHAIN_ID,
        "sportsbook": sportsbook,
        "faults": [],
        "delays": [],
        "delayed_since": None,
        "open_since": None,
        "batch_max_age_s": 4,
        "batch_window_s": 300,
        "reported_at": datetime.now(UTC) + timedelta(hours=1),
    }


def report_all_well(engine: Engine, sportsbook: str) -> None:
    """Store such a report."""
    with Session(engine) as session:
        session.add(HouseReport(**good_report(sportsbook)))
        session.commit()
