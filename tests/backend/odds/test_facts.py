"""The facts file is read as it stands, and refused by line and field where it cannot be true."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from backend.feed.facts import COLUMNS, FactsInvalid, load_facts, matchday, write_facts
from protocol.outcomes import Score
from scripts.make_facts import fixture_facts

SAMPLE = Path(__file__).parents[3] / "data" / "epl_2022_2025.csv"
HEADER = ",".join(COLUMNS)
GOOD = "Premier League,2024-25,38,2025-05-25T15:00:00Z,Southampton FC,Arsenal FC,0,1,1,2"


def write(folder: Path, *rows: str) -> Path:
    path = folder / "facts.csv"
    path.write_text("\n".join((HEADER, *rows)) + "\n", encoding="utf-8")
    return path


def test_sample_holds_three_whole_seasons() -> None:
    facts = load_facts(SAMPLE)
    assert len(facts) == 3 * 380
    assert len({fixture.fixture_id for fixture in facts}) == len(facts)
    assert all(fixture.score is not None for fixture in facts)
    for season in ("2022-23", "2023-24", "2024-25"):
        assert all(len(matchday(facts, season, number)) == 10 for number in range(1, 39))


def test_name_and_score_of_a_known_match() -> None:
    last_day = matchday(load_facts(SAMPLE), "2024-25", 38)
    match = next(fixture for fixture in last_day if fixture.home == "Southampton FC")
    assert match.name == "Southampton FC v Arsenal FC, 2025-05-25"
    assert match.kick_off == datetime(2025, 5, 25, 15, tzinfo=UTC)
    assert match.score == Score(0, 1, 1, 2)


@pytest.mark.parametrize(("date", "hour_utc"), [("2025-05-25", 15), ("2025-01-04", 16)])
def test_kick_off_moves_from_uk_time_to_utc(date: str, hour_utc: int) -> None:
    match = {
        "round": "Matchday 3",
        "date": date,
        "time": "16:00",
        "team1": "A",
        "team2": "B",
        "score": {"ft": [0, 0]},
    }
    facts = fixture_facts("2024-25", match)
    assert facts.kick_off.hour == hour_utc
    assert facts.score == Score(0, 0, 0, 0)


def test_missing_half_time_of_a_match_with_goals_is_refused() -> None:
    match = {
        "round": "Matchday 3",
        "date": "2025-01-04",
        "time": "16:00",
        "team1": "A",
        "team2": "B",
        "score": {"ft": [1, 0]},
    }
    with pytest.raises(FactsInvalid, match="no half-time score"):
        fixture_facts("2024-25", match)


def test_written_file_reads_back_the_same(tmp_path: Path) -> None:
    facts = load_facts(SAMPLE)
    write_facts(tmp_path / "again.csv", reversed(facts))
    assert load_facts(tmp_path / "again.csv") == facts
    assert (tmp_path / "again.csv").read_bytes() == SAMPLE.read_bytes()


def test_fixture_without_goals_is_not_played_yet(tmp_path: Path) -> None:
    row = GOOD.rsplit(",", 4)[0] + ",,,,"
    assert load_facts(write(tmp_path, row))[0].score is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("2024-25", "2024-26", "season: '2024-26' is not a season"),
        (",38,", ",0,", "matchday: '0' is not a whole number from 1 to 99"),
        (",38,", ",3.5,", "matchday: '3.5' is not a whole number"),
        ("T15:00:00Z", "T15:00:00", "kick_off: .* is not a UTC time"),
        ("2025-05-25", "2025-02-30", "kick_off: .* is not a UTC time"),
        ("Southampton FC", "", "home: '' is not plain, non-empty text"),
        ("Southampton FC", "A v B", "home: 'A v B' must not contain"),
        ("Arsenal FC", "Southampton FC", "away: 'Southampton FC' cannot play against itself"),
        (",0,1,1,2", ",0,1,1,", "away_full: is empty although other goals are given"),
        (",0,1,1,2", ",2,1,1,2", "home_half: is more than the goals at full time"),
        (",0,1,1,2", ",0,1,1,-2", "away_full: '-2' is not a whole number from 0 to 99"),
        (",0,1,1,2", ",0,1,1", "row: has 9 fields, not 10"),
    ],
)
def test_bad_row_is_refused_by_line_and_field(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    other = GOOD.replace("Arsenal FC", "Chelsea FC")
    path = write(tmp_path, other, GOOD.replace(old, new))
    with pytest.raises(FactsInvalid, match=f"facts.csv, line 3, {said}"):
        load_facts(path)


def test_same_fixture_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FactsInvalid, match=r"line 3, home: .* is already in line 2"):
        load_facts(write(tmp_path, GOOD, GOOD))


def test_other_columns_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "facts.csv"
    path.write_text("home,away\nA,B\n", encoding="utf-8")
    with pytest.raises(FactsInvalid, match="line 1: the columns must be competition,"):
        load_facts(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot read the facts file"),
        (b"\xff\xfe", "is not UTF-8"),
        (HEADER.encode() + b"\n", "has no fixtures"),
        (b"", "has no fixtures"),
        (HEADER.encode() + b'\n"open', "not a CSV row"),
    ],
)
def test_unusable_file_is_refused(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "facts.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FactsInvalid, match=said):
        load_facts(path)


def test_unknown_matchday_names_the_seasons() -> None:
    with pytest.raises(FactsInvalid, match="seasons in the file: 2022-23, 2023-24, 2024-25"):
        matchday(load_facts(SAMPLE), "2025-26", 1)
