"""Compares the facts with what was opened and published, stores what it counts, and logs each
difference; repairs nothing.

The counts are in the same table and metric as the reconciliation's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from backend.feed.reading import SHOWN_BYTES, FactsRead, Refusal
from backend.log_limit import LogLimit
from backend.settlement.fixture_verdict import over_at_s
from backend.settlement.judging import Judged, judged_fixtures
from backend.settlement.tables import Reconciliation
from protocol.limits import VOID_AFTER_S

log = structlog.get_logger(__name__)

LATE_AFTER_S = 6 * 3_600
"""A fixture without a result is late this long after it should have been over."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What the operator should look at."""

    refused: Sequence[Refusal] = ()
    differing: Sequence[Judged] = ()
    differing_finally: Sequence[Judged] = ()
    missing: Sequence[Judged] = ()
    late: Sequence[Judged] = ()
    unreadable: int = 0

    def counts(self) -> dict[str, int]:
        """The number of each kind, by the name of its check."""
        return {
            "facts_unreadable": self.unreadable,
            "facts_rows_refused": len(self.refused),
            "result_differs_from_facts": len(self.differing),
            "final_result_differs_from_facts": len(self.differing_finally),
            "fixture_missing_from_facts": len(self.missing),
            "fixture_without_result": len(self.late),
        }


def find(judged: Sequence[Judged], refused: Sequence[Refusal], now_s: int) -> Findings:
    """What is wrong at `now_s`; pure."""
    differing = [one for one in judged if one.differs(now_s)]
    open_ = [one for one in judged if one.unpublished]
    return Findings(
        refused=refused,
        differing=[one for one in differing if not one.is_final(now_s)],
        differing_finally=[one for one in differing if one.is_final(now_s)],
        missing=[
            one
            for one in open_
            if one.facts is None
            and one.verdict.status is None
            and now_s <= one.announced_s + VOID_AFTER_S
        ],
        late=[one for one in open_ if one.result(now_s) is None and _is_late(one, now_s)],
    )


class FactsWatch:
    """Checks the facts of one deployment. The same line is logged once per minute."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._limit = LogLimit()

    def check(self, deployment: int, read: FactsRead, now_s: int) -> Findings:
        """Compare, store and log. Returns what was found."""
        judged = judged_fixtures(self._engine, deployment, read.fixtures, now_s)
        findings = find(judged, read.refusals, now_s)
        self._store(findings, now_s)
        for refusal in findings.refused:
            if self._allows(f"refused:{refusal.line}", refusal):
                log.error(
                    "facts.row_refused",
                    line=refusal.line,
                    reason=refusal.reason,
                    content=repr(refusal.content[:SHOWN_BYTES]),
                )
        for one in (*findings.differing, *findings.differing_finally):
            published = one.published
            if published is not None and self._allows(f"differs:{one.name}", one.verdict):
                log.error(
                    "result.differs",
                    fixture=one.name,
                    published=published.status.name,
                    score=str(published.score),
                    rules=one.verdict.reason,
                    seconds_left=max(0, published.final_at_s - now_s),
                )
        for one in findings.missing:
            if self._allows(f"missing:{one.name}", None):
                log.error("facts.fixture_missing", fixture=one.name)
        for one in findings.late:
            if self._allows(f"late:{one.name}", one.verdict):
                log.error("result.late", fixture=one.name, reason=one.verdict.reason)
        return findings

    def unreadable(self, now_s: int) -> None:
        """Store that there are no facts to compare with."""
        self._store(Findings(unreadable=1), now_s, only=("facts_unreadable",))

    def _store(self, findings: Findings, now_s: int, only: Sequence[str] = ()) -> None:
        with Session(self._engine) as session:
            for name, count in findings.counts().items():
                if not only or name in only:
                    session.merge(Reconciliation(name=name, differences=count, checked_s=now_s))
            session.commit()

    def _allows(self, name: str, content: object) -> bool:
        return self._limit.allows(name, content, self._clock())


def _is_late(one: Judged, now_s: int) -> bool:
    if now_s > one.announced_s + VOID_AFTER_S:
        # The contract has made its bets void.
        return False
    over_s = max(over_at_s(one.announced_s, one.starts_at_s), one.verdict.due_s)
    return now_s >= over_s + LATE_AFTER_S
