"""Describes fixtures and what became of them, as the facts have them, and writes the facts file.

`reading.py` reads it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from backend.feed.status import FactStatus
from protocol.market_id import fixture_id, fixture_name_hash
from protocol.outcomes import Score

COLUMNS = (
    "competition",
    "season",
    "matchday",
    "kick_off",
    "home",
    "away",
    "home_half",
    "away_half",
    "home_full",
    "away_full",
)
MORE_COLUMNS = (
    "status",
    "minute",
    "home_extra",
    "away_extra",
    "home_penalties",
    "away_penalties",
    "source",
    "id",
    "revision",
    "meeting",
)
"""Columns that a file may leave out."""
MATCH_LENGTH_S = 2 * 3_600
"""A match counts as over this long after its start."""
FIRST_HALF_MINUTES = 45
"""A match that is abandoned up to this minute has no half-time score."""
UNKNOWN = "-"
"""Stands in both half-time columns when nobody knows the half-time score."""

TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def ended_in_first_half(minute: int) -> bool:
    """Whether a match that was abandoned in this minute has no half-time score."""
    return minute <= FIRST_HALF_MINUTES


class FactsInvalid(ValueError):
    """The facts file cannot be used; the message names file, line and field."""


@dataclass(frozen=True)
class FixtureFacts:
    """One fixture as in the facts; `score` is None until it is played.

    `full_time` are the goals of a match whose half-time score is unknown. `extra` are the goals
    after extra time, those before included; neither they nor `penalties` decide a bet. `minute` is
    that of an abandonment. Of two rows with the same key, the one with the higher `revision`
    counts. `meeting` tells several matches of the same clubs on the same day apart.
    """

    competition: str
    season: str
    matchday: str
    starts_at_s: int
    home: str
    away: str
    score: Score | None
    stated: FactStatus | None = None
    minute: int | None = None
    full_time: tuple[int, int] | None = None
    extra: tuple[int, int] | None = None
    penalties: tuple[int, int] | None = None
    source: str = ""
    source_id: str = ""
    revision: int = 0
    meeting: int = 1
    line: int = field(default=0, compare=False)

    @property
    def status(self) -> FactStatus:
        """The status as stated; without one, a fixture with goals is played."""
        if self.stated is not None:
            return self.stated
        return FactStatus.SCHEDULED if self.goals is None else FactStatus.PLAYED

    @property
    def accepts_bets(self) -> bool:
        """Whether nothing but its start closes the fixture. A score alone does not: facts of past
        matches can be played again, as the demo does."""
        return self.stated is None or self.stated.accepts_bets

    @property
    def goals(self) -> tuple[int, int] | None:
        """Goals after 90 minutes and added time, or at the abandonment, or as awarded."""
        if self.score is not None:
            return self.score.home_full, self.score.away_full
        return self.full_time

    @property
    def played_goals(self) -> tuple[int, int] | None:
        """Goals of a match that was played to its end; None for any other."""
        return self.goals if self.status is FactStatus.PLAYED else None

    @property
    def kick_off(self) -> datetime:
        """The start as a UTC datetime."""
        return datetime.fromtimestamp(self.starts_at_s, UTC)

    @cached_property
    def key(self) -> str:
        """What identifies the fixture whatever its date: the source's id, or where it belongs and
        who plays."""
        if self.source_id:
            return f"{self.source}#{self.source_id}"
        parts = (self.competition, self.season, self.matchday, self.home, self.away)
        return "|".join((*parts, str(self.meeting)))

    @cached_property
    def name(self) -> str:
        """Canonical name: "<home> v <away>, <YYYY-MM-DD>" with the UTC date of the start; a later
        meeting of the day has its number in brackets."""
        name = f"{self.home} v {self.away}, {self.kick_off:%Y-%m-%d}"
        return name if self.meeting == 1 else f"{name} ({self.meeting})"

    @cached_property
    def name_hash(self) -> bytes:
        """Full hash of the canonical name (32 bytes)."""
        return fixture_name_hash(self.name)

    @cached_property
    def fixture_id(self) -> bytes:
        """The id (16 bytes) that the fixture gets if it is opened now."""
        return fixture_id(self.name)


def matchday(
    facts: Sequence[FixtureFacts], season: str, number: str, competition: str | None = None
) -> tuple[FixtureFacts, ...]:
    """The fixtures of one matchday or round. Raises FactsInvalid when there are none."""
    chosen = tuple(
        fixture
        for fixture in facts
        if fixture.season == season
        and fixture.matchday == number
        and competition in (None, fixture.competition)
    )
    if not chosen:
        seasons = sorted({fixture.season for fixture in facts})
        found = f"seasons in the file: {', '.join(seasons) or 'none'}"
        if season in seasons:
            days = {fixture.matchday for fixture in facts if fixture.season == season}
            named = sorted(days, key=lambda day: (not day.isdigit(), len(day), day))
            found = f"its matchdays: {', '.join(named)}"
        raise FactsInvalid(
            f"the facts file has no fixtures for season {season}, matchday {number} ({found});"
            " choose another season or matchday"
        )
    return chosen


def write_facts(path: Path, facts: Iterable[FixtureFacts]) -> int:
    """Write the file that `load_facts` reads; returns the number of fixtures. Columns beyond the
    first ten are written when a fixture needs them."""
    ordered = sorted(facts, key=lambda fixture: (fixture.starts_at_s, fixture.name))
    rows = [_row(fixture) for fixture in ordered]
    more = [name for name in MORE_COLUMNS if any(row[name] for row in rows)]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(
            stream, (*COLUMNS, *more), extrasaction="ignore", lineterminator="\n"
        )
        writer.writeheader()
        writer.writerows(rows)
    return len(ordered)


def _row(fixture: FixtureFacts) -> dict[str, str]:
    half: tuple[object, object] = ("", "")
    if fixture.score is not None:
        half = (fixture.score.home_half, fixture.score.away_half)
    elif fixture.full_time is not None:
        half = (UNKNOWN, UNKNOWN)
    pairs = {
        "half": half,
        "full": fixture.goals or ("", ""),
        "extra": fixture.extra or ("", ""),
        "penalties": fixture.penalties or ("", ""),
    }
    return {
        "competition": fixture.competition,
        "season": fixture.season,
        "matchday": fixture.matchday,
        "kick_off": f"{fixture.kick_off:{TIME_FORMAT}}",
        "home": fixture.home,
        "away": fixture.away,
        **{
            f"{side}_{part}": str(goals)
            for part, both in pairs.items()
            for side, goals in zip(("home", "away"), both, strict=True)
        },
        "status": fixture.stated or "",
        "minute": "" if fixture.minute is None else str(fixture.minute),
        "source": fixture.source,
        "id": fixture.source_id,
        "revision": str(fixture.revision or ""),
        "meeting": str(fixture.meeting) if fixture.meeting > 1 else "",
    }
