"""Compares what the backend accepted with what the mirror shows; repairs nothing.

Every accepted slip is placed or skipped on the chain before its receipt window ends there; one that
expires without either counts as lost. Pending is not such a state, it only reserves balance: a
skipped slip stays pending until its window ends. Every sum of money has two sides.
`backend.mirror.reconciliation` has the checks.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from backend.deployment import Deployment
from backend.mirror.deployment import deployment_key, read_count, read_mirror
from backend.mirror.reconciliation import CHECKS
from backend.settlement.tables import Reconciliation

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Difference:
    """A check that found rows."""

    check: str
    count: int


def reconcile(
    engine: Engine, deployment: Deployment, now_s: int, receipt_window_s: int
) -> list[Difference]:
    """Run every check on one snapshot of the database, store and log what they found. Raises
    MirrorMissing."""
    mirror = read_mirror(engine, deployment)
    values = {
        **deployment_key(deployment),
        "deployment": mirror.deployment,
        "head": mirror.head,
        "head_s": mirror.head_timestamp_s,
        "now_s": now_s,
        "receipt_window_s": receipt_window_s,
    }
    snapshot = engine.execution_options(isolation_level="REPEATABLE READ")
    with snapshot.connect() as connection:
        counts = {
            name: read_count(connection, statement, values) for name, statement in CHECKS.items()
        }
    with Session(engine) as session:
        for name, count in counts.items():
            session.merge(Reconciliation(name=name, differences=count, checked_s=now_s))
        session.commit()
    found = [Difference(name, count) for name, count in counts.items() if count]
    for difference in found:
        log.error("reconciliation.difference", check=difference.check, count=difference.count)
    return found
