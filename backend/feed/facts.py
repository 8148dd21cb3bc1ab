"""Reads, checks and writes the facts file: fixtures and their scores.

One CSV row per fixture, times in UTC. A fixture that is not played yet leaves its four goal fields
empty. An error names the line and field of the first bad row; nothing is repaired silently.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

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
GOAL_COLUMNS = COLUMNS[-4:]
MATCH_LENGTH_S = 2 * 3_600
"""A match counts as over this long after its start."""
MAX_GOALS = 99
MAX_MATCHDAY = 99
MAX_NAME_LENGTH = 80

_TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_SEASON = re.compile(r"(\d{4})-(\d{2})")
_NUMBER = re.compile(r"\d{1,3}", re.ASCII)


class FactsInvalid(ValueError):
    """The facts file cannot be used; the message names file, line and field."""


@dataclass(frozen=True)
class FixtureFacts:
    """One fixture as in the facts file; `score` is None until it is played."""

    competition: str
    season: str
    matchday: int
    starts_at_s: int
    home: str
    away: str
    score: Score | None

    @property
    def kick_off(self) -> datetime:
        """The start as a UTC datetime."""
        return datetime.fromtimestamp(self.starts_at_s, UTC)

    @cached_property
    def name(self) -> str:
        """Canonical name: "<home> v <away>, <YYYY-MM-DD>" with the UTC date of the start."""
        return f"{self.home} v {self.away}, {self.kick_off:%Y-%m-%d}"

    @cached_property
    def name_hash(self) -> bytes:
        """Full hash of the canonical name (32 bytes)."""
        return fixture_name_hash(self.name)

    @cached_property
    def fixture_id(self) -> bytes:
        """The fixture's id (16 bytes)."""
        return fixture_id(self.name)


class _FieldInvalid(ValueError):
    """One field of a row; the reader adds the file and the line."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")


def load_facts(path: Path | str) -> tuple[FixtureFacts, ...]:
    """All fixtures of the file, in order of kick-off, then name.

    Raises FactsInvalid when the file is missing, is not UTF-8 CSV with the expected columns, or has
    a row that cannot be true.
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            facts = _read(path, csv.reader(stream, strict=True))
    except OSError as error:
        raise FactsInvalid(
            f"cannot read the facts file {path}: {error.strerror}; name a readable file"
        ) from error
    except UnicodeDecodeError as error:
        raise FactsInvalid(f"{path} is not UTF-8 text; save it as UTF-8") from error
    return tuple(sorted(facts, key=lambda fixture: (fixture.starts_at_s, fixture.name)))


def matchday(
    facts: Sequence[FixtureFacts], season: str, number: int, competition: str | None = None
) -> tuple[FixtureFacts, ...]:
    """The fixtures of one matchday. Raises FactsInvalid when there are none."""
    chosen = tuple(
        fixture
        for fixture in facts
        if fixture.season == season
        and fixture.matchday == number
        and competition in (None, fixture.competition)
    )
    if not chosen:
        seasons = ", ".join(sorted({fixture.season for fixture in facts})) or "none"
        raise FactsInvalid(
            f"the facts file has no fixtures for season {season}, matchday {number}"
            f" (seasons in the file: {seasons}); choose another season or matchday"
        )
    return chosen


def write_facts(path: Path, facts: Iterable[FixtureFacts]) -> int:
    """Write the file that `load_facts` reads; returns the number of fixtures."""
    ordered = sorted(facts, key=lambda fixture: (fixture.starts_at_s, fixture.name))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(_row(fixture) for fixture in ordered)
    return len(ordered)


def _row(fixture: FixtureFacts) -> tuple[str | int, ...]:
    score = fixture.score
    goals: tuple[str | int, ...] = ("", "", "", "")
    if score is not None:
        goals = (score.home_half, score.away_half, score.home_full, score.away_full)
    return (
        fixture.competition,
        fixture.season,
        fixture.matchday,
        f"{fixture.kick_off:{_TIME_FORMAT}}",
        fixture.home,
        fixture.away,
        *goals,
    )


def _read(path: Path, rows: Iterable[list[str]]) -> list[FixtureFacts]:
    facts: list[FixtureFacts] = []
    line_of: dict[str, int] = {}
    line = 0
    try:
        for line, row in enumerate(rows, start=1):
            if line == 1:
                _check_header(path, row)
                continue
            fixture = _fixture(row)
            if fixture.name in line_of:
                first = line_of[fixture.name]
                raise _FieldInvalid("home", f"{fixture.name!r} is already in line {first}")
            line_of[fixture.name] = line
            facts.append(fixture)
    except _FieldInvalid as error:
        raise FactsInvalid(f"{path}, line {line}, {error}") from error
    except csv.Error as error:
        raise FactsInvalid(f"{path}, line {line + 1}: not a CSV row ({error})") from error
    if not facts:
        raise FactsInvalid(f"{path} has no fixtures; it needs a header and at least one row")
    return facts


def _check_header(path: Path, row: list[str]) -> None:
    if tuple(row) != COLUMNS:
        raise FactsInvalid(f"{path}, line 1: the columns must be {','.join(COLUMNS)}")


def _fixture(row: list[str]) -> FixtureFacts:
    if len(row) != len(COLUMNS):
        raise _FieldInvalid("row", f"has {len(row)} fields, not {len(COLUMNS)}")
    field = dict(zip(COLUMNS, row, strict=True))
    home, away = _team(field, "home"), _team(field, "away")
    if home == away:
        raise _FieldInvalid("away", f"{away!r} cannot play against itself")
    return FixtureFacts(
        competition=_text(field, "competition"),
        season=_season(field["season"]),
        matchday=_number(field, "matchday", 1, MAX_MATCHDAY),
        starts_at_s=_kick_off(field["kick_off"]),
        home=home,
        away=away,
        score=_score(field),
    )


def _text(field: dict[str, str], column: str) -> str:
    value = field[column]
    if not value or value != value.strip() or not value.isprintable():
        raise _FieldInvalid(column, f"{value!r} is not plain, non-empty text")
    if len(value) > MAX_NAME_LENGTH:
        raise _FieldInvalid(column, f"is longer than {MAX_NAME_LENGTH} characters")
    return value


def _team(field: dict[str, str], column: str) -> str:
    value = _text(field, column)
    if " v " in value or ", " in value:
        raise _FieldInvalid(
            column,
            f"{value!r} must not contain ' v ' or ', ' (they separate the parts of the name)",
        )
    return value


def _season(value: str) -> str:
    match = _SEASON.fullmatch(value)
    if match is None or (int(match[1]) + 1) % 100 != int(match[2]):
        raise _FieldInvalid("season", f"{value!r} is not a season like 2024-25")
    return value


def _number(field: dict[str, str], column: str, minimum: int, maximum: int) -> int:
    value = field[column]
    if not _NUMBER.fullmatch(value) or not minimum <= int(value) <= maximum:
        raise _FieldInvalid(column, f"{value!r} is not a whole number from {minimum} to {maximum}")
    return int(value)


def _kick_off(value: str) -> int:
    try:
        return int(datetime.strptime(value, _TIME_FORMAT).replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise _FieldInvalid(
            "kick_off", f"{value!r} is not a UTC time like 2025-05-25T15:00:00Z"
        ) from None


def _score(field: dict[str, str]) -> Score | None:
    empty = [column for column in GOAL_COLUMNS if not field[column]]
    if len(empty) == len(GOAL_COLUMNS):
        return None
    if empty:
        raise _FieldInvalid(empty[0], "is empty although other goals are given; give all four")
    goals = {column: _number(field, column, 0, MAX_GOALS) for column in GOAL_COLUMNS}
    for side in ("home", "away"):
        if goals[f"{side}_half"] > goals[f"{side}_full"]:
            raise _FieldInvalid(f"{side}_half", "is more than the goals at full time")
    return Score(**goals)
