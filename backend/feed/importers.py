"""Turns files of public sources into facts; pure: it is handed the bytes.

- football-data.co.uk: CSV, three decades, in either of its two layouts; times are UK local time.
- openfootball: football.json of leagues and cups, with its older layout.
- International results: CSV with date, home_team, away_team, home_score, away_score, tournament.

A match that cannot be used is refused with its line (of JSON, its number) and bytes, and stops no
other.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from backend.feed.facts import FixtureFacts
from backend.feed.names import is_plain, normalised
from backend.feed.reading import BYTE_ORDER_MARK, Refusal
from backend.feed.rows import MAX_GOALS, MAX_NAME_LENGTH, FieldInvalid
from backend.feed.status import FactStatus
from protocol.outcomes import Score

UK = ZoneInfo("Europe/London")
_FIRST_MONTH_OF_SEASON = 7
_DATE_FORMATS = ("%d/%m/%Y", "%d/%m/%y", "%Y-%m-%d")
_TIME = re.compile(r"(\d{1,2})[:.](\d{2})(?: ?UTC([+-]\d{1,2})?(?::?00)?)?", re.ASCII)
_GOALS = re.compile(r"\d{1,2}", re.ASCII)
_NOT_PLAYED = frozenset({"", "NA"})

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Source:
    """What a file does not say itself. `competition` and `season` replace what it says; `time` is
    the local start, HH:MM, of matches without one."""

    name: str
    zone: ZoneInfo = UK
    competition: str = ""
    season: str = ""
    time: str = "15:00"


@dataclass(frozen=True, slots=True)
class Imported:
    """The usable matches of a file, and those that were refused."""

    fixtures: tuple[FixtureFacts, ...]
    refusals: tuple[Refusal, ...]


def read_football_data(content: bytes, source: Source) -> Imported:
    """A CSV of football-data.co.uk: `Div,Date,…,HomeTeam,AwayTeam,FTHG,FTAG,…,HTHG,HTAG` or
    `Country,League,Season,Date,Time,Home,Away,HG,AG,…`. It has no rounds: `matchday` is the number
    of the home club's match in the season."""

    def read(row: Mapping[str, str]) -> FixtureFacts:
        played = _date(row["Date"])
        fields = _football_data_fields(row)
        half, full = _pair(fields["half"]), _pair(fields["full"])
        return _facts(
            source,
            competition=fields["competition"],
            season=fields["season"] or _season_of(played),
            matchday="1",
            starts_at_s=_starts_at_s(played, row.get("Time", ""), source),
            clubs=fields["clubs"],
            half=half,
            full=full,
        )

    imported = _read_csv(content, read, ("Date",))
    return replace(imported, fixtures=_numbered_by_home_club(imported.fixtures))


def read_international(content: bytes, source: Source) -> Imported:
    """A CSV of international results. It has no half-time scores, and its scores include extra
    time, so it serves to fit the model: no result is published from it."""

    def read(row: Mapping[str, str]) -> FixtureFacts:
        played = _date(row["date"])
        return _facts(
            source,
            competition=row["tournament"],
            season=str(played.year),
            matchday="1",
            starts_at_s=_starts_at_s(played, "", source),
            clubs=(row["home_team"], row["away_team"]),
            half=None,
            full=_pair((row["home_score"], row["away_score"])),
        )

    columns = ("date", "home_team", "away_team", "home_score", "away_score", "tournament")
    imported = _read_csv(content, read, columns)
    return replace(imported, fixtures=_numbered_by_home_club(imported.fixtures))


def read_openfootball(content: bytes, source: Source) -> Imported:
    """A file of football.json: `matches` with round, date, time, team1, team2 and score (ht, ft,
    et, p), or the older `rounds`. The half-time score of a goalless match, which it leaves out, is
    0-0."""
    try:
        body = json.loads(content.removeprefix(BYTE_ORDER_MARK))
        matches = list(_openfootball_matches(body))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return Imported((), (Refusal(1, f"not a file of football.json ({error})", content[:200]),))
    name = str(body.get("name", ""))
    fixtures: list[FixtureFacts] = []
    refusals: list[Refusal] = []
    for number, (round_, match) in enumerate(matches, start=1):
        try:
            fixtures.append(_openfootball_facts(name, round_, match, source))
        except FieldInvalid as error:
            refusals.append(Refusal(number, str(error), json.dumps(match).encode()))
        except (KeyError, TypeError, ValueError) as error:
            refusals.append(
                Refusal(
                    number, f"match: {type(error).__name__} {error}", json.dumps(match).encode()
                )
            )
    return Imported(tuple(fixtures), tuple(refusals))


def _football_data_fields(row: Mapping[str, str]) -> dict[str, Any]:
    if "HomeTeam" in row or "HT" in row:
        return {
            "competition": row["Div"],
            "season": "",
            "clubs": (
                row.get("HomeTeam", row.get("HT", "")),
                row.get("AwayTeam", row.get("AT", "")),
            ),
            "full": (row["FTHG"], row["FTAG"]),
            "half": (row.get("HTHG", ""), row.get("HTAG", "")),
        }
    return {
        "competition": f"{row['Country']} {row['League']}",
        "season": row["Season"],
        "clubs": (row["Home"], row["Away"]),
        "full": (row["HG"], row["AG"]),
        "half": ("", ""),
    }


def _openfootball_matches(body: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if "rounds" in body:
        for round_ in body["rounds"]:
            yield from ((round_["name"], match) for match in round_["matches"])
        return
    for match in body["matches"]:
        yield match.get("round") or match.get("group") or "", match


def _openfootball_facts(
    name: str, round_: str, match: Mapping[str, Any], source: Source
) -> FixtureFacts:
    played = _date(match["date"])
    score = match.get("score") or {}
    if isinstance(score, list):
        score = {"ft": score}
    if "score1" in match and match["score1"] is not None:
        score = {"ft": [match["score1"], match["score2"]]}
    full = _pair(score.get("ft") or ("", ""))
    half = _pair(score.get("ht") or ("", ""))
    if half is None and full == (0, 0):
        half = (0, 0)
    clubs = tuple(
        team["name"] if isinstance(team, dict) else team
        for team in (match["team1"], match["team2"])
    )
    made = _facts(
        source,
        competition=re.sub(r"\s*\d{4}(?:[/-]\d{2,4})?$", "", name),
        season=_season_in(name) or _season_of(played),
        matchday=re.sub(r"^Matchday ", "", round_) or "1",
        starts_at_s=_starts_at_s(played, match.get("time") or "", source),
        clubs=(clubs[0], clubs[1]),
        half=half,
        full=full,
    )
    status = str(match.get("status") or "").lower()
    return replace(
        made,
        stated=FactStatus(status) if status in set(FactStatus) else made.stated,
        extra=_pair(score.get("et") or ("", "")),
        penalties=_pair(score.get("p") or ("", "")),
    )


def _facts(
    source: Source,
    *,
    competition: str,
    season: str,
    matchday: str,
    starts_at_s: int,
    clubs: tuple[str, str],
    half: Pair | None,
    full: Pair | None,
) -> FixtureFacts:
    home, away = (_name(side, club) for side, club in zip(("home", "away"), clubs, strict=True))
    if home == away:
        raise FieldInvalid("away", f"{away!r} cannot play against itself")
    if half and full and (half[0] > full[0] or half[1] > full[1]):
        raise FieldInvalid("half-time", "is more than the goals at full time")
    return FixtureFacts(
        competition=_name("competition", source.competition or competition),
        season=_name("season", source.season or season),
        matchday=_name("matchday", matchday),
        starts_at_s=starts_at_s,
        home=home,
        away=away,
        score=Score(*half, *full) if half and full else None,
        full_time=full if half is None else None,
        source=source.name,
    )


def _read_csv(
    content: bytes, read: Callable[[Mapping[str, str]], FixtureFacts], columns: Sequence[str]
) -> Imported:
    lines = [line.rstrip(b"\r") for line in content.removeprefix(BYTE_ORDER_MARK).split(b"\n")]
    header = [name.strip() for name in _cells(lines[0])]
    missing = [name for name in columns if name not in header]
    if missing:
        return Imported((), (Refusal(1, f"columns are missing: {', '.join(missing)}", lines[0]),))
    fixtures: list[FixtureFacts] = []
    refusals: list[Refusal] = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip(b", \t"):
            continue
        try:
            # Rows of the source can have more cells than its header, all of them empty.
            fixtures.append(read(dict(zip(header, _cells(line), strict=False))))
        except FieldInvalid as error:
            refusals.append(Refusal(number, str(error), line))
        except (KeyError, csv.Error) as error:
            refusals.append(Refusal(number, f"row: {type(error).__name__} {error}", line))
    return Imported(tuple(fixtures), tuple(refusals))


def _cells(line: bytes) -> list[str]:
    """The cells of a line in UTF-8, or in Windows-1252, as older files are."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        text = line.decode("cp1252", errors="replace")
    return next(csv.reader([text]), [])


def _name(field: str, value: str) -> str:
    name = normalised(value)
    if not is_plain(name) or "\ufffd" in name or len(name) > MAX_NAME_LENGTH:
        raise FieldInvalid(field, f"{value!r} is not plain, non-empty text")
    return name


def _pair(values: Iterable[object]) -> Pair | None:
    """Two counts of goals; None when both are empty."""
    words = [str(value).strip() for value in values]
    if all(word in _NOT_PLAYED for word in words):
        return None
    if len(words) != 2 or not all(_GOALS.fullmatch(w) and int(w) <= MAX_GOALS for w in words):
        raise FieldInvalid("score", f"{words} is not a score")
    return int(words[0]), int(words[1])


def _date(value: str) -> date:
    for form in _DATE_FORMATS:
        try:
            return datetime.strptime(value.strip(), form).replace(tzinfo=UTC).date()
        except ValueError:
            continue
    raise FieldInvalid("date", f"{value!r} is not a date")


def _starts_at_s(played: date, stated: str, source: Source) -> int:
    match = _TIME.fullmatch((stated or source.time).strip())
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        raise FieldInvalid("time", f"{stated!r} is not a time")
    zone: timezone | ZoneInfo = source.zone
    if "UTC" in match[0]:
        zone = timezone(timedelta(hours=int(match[3] or 0)))
    clock = time(int(match[1]), int(match[2]), tzinfo=zone)
    return int(datetime.combine(played, clock).timestamp())


def _season_of(played: date) -> str:
    first = played.year if played.month >= _FIRST_MONTH_OF_SEASON else played.year - 1
    return f"{first}-{(first + 1) % 100:02}"


def _season_in(name: str) -> str:
    match = re.search(r"(\d{4})(?:[/-](?:\d{2})?(\d{2}))?$", name)
    if match is None:
        return ""
    return f"{match[1]}-{match[2]}" if match[2] else match[1]


def _numbered_by_home_club(fixtures: Iterable[FixtureFacts]) -> tuple[FixtureFacts, ...]:
    """Number the matches of each home club in a season, and several meetings on a day."""
    count: Counter[tuple[str, str, str]] = Counter()
    names: Counter[str] = Counter()
    numbered: list[FixtureFacts] = []
    for fixture in sorted(fixtures, key=lambda one: (one.starts_at_s, one.name)):
        club = (fixture.competition, fixture.season, fixture.home)
        count[club] += 1
        names[fixture.name] += 1
        numbered.append(replace(fixture, matchday=str(count[club]), meeting=names[fixture.name]))
    return tuple(numbered)
