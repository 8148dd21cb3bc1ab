"""Reads opened fixtures, finds them in the facts, and judges them by the rules; writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row

from backend.feed.facts import FixtureFacts
from backend.mirror.deployment import read_rows
from backend.mirror.settlement import LAST_ACCEPTED, OPENED
from backend.settlement.fixture_verdict import Ruling, Verdict, verdict
from protocol.outcomes import ResultStatus, Score
from protocol.typed_data import Result

COMPARED_FOR_S = 7 * 24 * 3_600
"""Final results are compared with the facts this long after they became final."""


@dataclass(frozen=True, slots=True)
class PublishedResult:
    """A result on the chain."""

    status: ResultStatus
    score: Score
    settled_at_s: int
    final_at_s: int

    def says(self, result: Result) -> bool:
        """Whether it decides the same as `result`."""
        goals = (result.home_half, result.away_half, result.home_full, result.away_full)
        return self.status == result.status and (
            self.status is ResultStatus.VOID or self.score == Score(*goals)
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """An opened fixture, its facts, what the rules make of them, and its result on the chain.
    `sent` says whether a transaction carries a result that the mirror does not show yet."""

    fixture: bytes
    name: str
    announced_s: int
    facts: FixtureFacts | None
    verdict: Verdict
    published: PublishedResult | None
    sent: bool

    @property
    def unpublished(self) -> bool:
        """Whether its result can be published."""
        return self.published is None and not self.sent

    @property
    def starts_at_s(self) -> int:
        """When it starts as far as is known: by the facts, or as announced."""
        return self.announced_s if self.facts is None else self.facts.starts_at_s

    def is_final(self, now_s: int) -> bool:
        """Whether its published result stands for good."""
        return self.published is not None and now_s >= self.published.final_at_s

    def result(self, now_s: int) -> Result | None:
        """The result that the rules demand at `now_s`, if any."""
        return self.verdict.result(self.fixture, now_s)

    def differs(self, now_s: int) -> bool:
        """Whether the published result is not the one that the rules demand."""
        if self.published is None:
            return False
        wanted = self.result(now_s)
        return wanted is None or not self.published.says(wanted)


def judged_fixtures(
    engine: Engine, deployment: int, facts: Sequence[FixtureFacts], now_s: int
) -> list[Judged]:
    """Opened fixtures by start and name; those whose result has long been final are left out.

    A fixture is found in the facts by the key with which it was opened; one that has none, by its
    name.
    """
    by_key = {fixture.key: fixture for fixture in facts}
    by_id = {fixture.fixture_id: fixture for fixture in facts}
    with engine.connect() as connection:
        parameters = {"deployment": deployment, "since_s": now_s - COMPARED_FOR_S}
        return [
            _judged(
                connection,
                row,
                by_key.get(row.source_key) if row.source_key else by_id.get(bytes(row.id)),
            )
            for row in read_rows(connection, OPENED, parameters)
        ]


def _judged(connection: Connection, row: Row[Any], facts: FixtureFacts | None) -> Judged:
    fixture = bytes(row.id)
    last_accepted_s = None
    if facts is not None and facts.starts_at_s < row.announced_s:
        found = connection.exec_driver_sql(LAST_ACCEPTED, {"fixture": fixture}).scalar_one()
        last_accepted_s = None if found is None else int(found)
    published = None
    if row.status is not None:
        score = Score(row.home_half, row.away_half, row.home_full, row.away_full)
        published = PublishedResult(
            ResultStatus(row.status), score, int(row.settled_at_s), int(row.final_at_s)
        )
    return Judged(
        fixture=fixture,
        name=row.name,
        announced_s=int(row.announced_s),
        facts=facts,
        verdict=verdict(int(row.announced_s), facts, _ruling(row), last_accepted_s),
        published=published,
        sent=bool(row.sent),
    )


def _ruling(row: Row[Any]) -> Ruling | None:
    if row.ruling is None:
        return None
    status = ResultStatus[row.ruling]
    score = None
    if status is not ResultStatus.VOID:
        score = Score(
            row.ruled_home_half, row.ruled_away_half, row.ruled_home_full, row.ruled_away_full
        )
    return Ruling(status, score, int(row.made_s), row.reason)
