"""Files of public sources become facts; what cannot be used is named, and stops nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from backend.feed.importers import (
    Source,
    read_football_data,
    read_international,
    read_openfootball,
)
from backend.feed.reading import load_facts
from backend.feed.status import FactStatus
from protocol.outcomes import Score
from tests.support.nodes import ROOT

SOURCE = Source("test")


def test_football_data_with_times_and_half_time_scores() -> None:
    content = (
        "\ufeffDiv,Date,Time,HomeTeam,AwayTeam,FTHG,FTAG,FTR,HTHG,HTAG,HTR,B365H\r\n"
        "E0,16/08/2024,20:00,Man United,Fulham,1,0,H,0,0,D,1.6\r\n"
        "E0,02/11/2024,15:00,Man United,Chelsea,1,1,D,0,0,D,1.6,,\r\n"
        ",,,,,,,,,,,\r\n"
    ).encode()
    first, second = read_football_data(content, SOURCE).fixtures
    assert first.kick_off == datetime(2024, 8, 16, 19, tzinfo=UTC), "UK time"
    assert second.kick_off == datetime(2024, 11, 2, 15, tzinfo=UTC)
    assert (first.season, first.matchday, second.matchday) == ("2024-25", "1", "2")
    assert first.score == Score(0, 0, 1, 0)


def test_football_data_of_the_nineties_without_times_and_half_time_scores() -> None:
    content = (
        "Div,Date,HomeTeam,AwayTeam,FTHG,FTAG,FTR\n"
        "D1,07/08/93,Bayern Munich,Freiburg,3,1,H\n"
        "D1,14/05/94,K\xf6ln,Bochum,0,2,A\n"
    ).encode("cp1252")
    first, second = read_football_data(content, SOURCE).fixtures
    assert (first.score, first.full_time, first.played_goals) == (None, (3, 1), (3, 1))
    assert (second.home, second.season) == ("K\u00f6ln", "1993-94")


def test_football_data_of_the_new_leagues_with_calendar_years() -> None:
    content = (
        b"Country,League,Season,Date,Time,Home,Away,HG,AG,Res\n"
        b"USA,MLS,2025,22/02/2025,19:30,Inter Miami,New York City,2,2,D\n"
        b"USA,MLS,2025,01/03/2025,19:30,Inter Miami,Houston,,,\n"
    )
    played, coming = read_football_data(content, SOURCE).fixtures
    assert (played.competition, played.season) == ("USA MLS", "2025")
    assert (played.status, coming.status) == (FactStatus.PLAYED, FactStatus.SCHEDULED)


def test_clubs_that_meet_four_times_a_season_have_a_key_each() -> None:
    rows = [f"SC0,{day},Celtic,Rangers,1,0,H,0,0,D" for day in ("01/09/2024", "02/03/2025")]
    head = "Div,Date,HomeTeam,AwayTeam,FTHG,FTAG,FTR,HTHG,HTAG,HTR"
    found = read_football_data("\n".join((head, *rows)).encode(), SOURCE).fixtures
    assert len({fixture.key for fixture in found}) == 2


def test_every_refused_row_is_named_with_its_line_and_bytes() -> None:
    content = (
        b"Div,Date,HomeTeam,AwayTeam,FTHG,FTAG,FTR,HTHG,HTAG,HTR\n"
        b"E0,31/02/2024,A,B,1,0,H,0,0,D\n"
        b"E0,01/02/2024,A,B,one,0,H,0,0,D\n"
        b"E0,01/02/2024,A,,1,0,H,0,0,D\n"
        b"E0,01/02/2024,A,B,1,0,H,2,0,D\n"
        b"E0,01/02/2024\n"
        b"E0,01/02/2024,A,B,1,0,H,0,0,D\n"
    )
    imported = read_football_data(content, SOURCE)
    assert [refusal.line for refusal in imported.refusals] == [2, 3, 4, 5, 6]
    assert imported.refusals[0].content == b"E0,31/02/2024,A,B,1,0,H,0,0,D"
    assert len(imported.fixtures) == 1


def test_international_results_serve_the_model_only() -> None:
    content = (
        b"date,home_team,away_team,home_score,away_score,tournament,city,country,neutral\n"
        b"1872-11-30,Scotland,England,0,0,Friendly,Glasgow,Scotland,FALSE\n"
        b"2022-12-09,Croatia,Brazil,1,1,FIFA World Cup,Al Rayyan,Qatar,TRUE\n"
        b'2026-06-11,Mexico,"Korea, South",NA,NA,FIFA World Cup,Mexico City,Mexico,FALSE\n'
    )
    first, second, coming = read_international(content, SOURCE).fixtures
    assert (first.season, first.played_goals, first.score) == ("1872", (0, 0), None)
    assert second.full_time == (1, 1)
    assert (coming.away, coming.status) == ("Korea, South", FactStatus.SCHEDULED)


def openfootball(*matches: object, name: str = "World Cup 2022") -> bytes:
    return json.dumps({"name": name, "matches": matches}).encode()


def test_openfootball_cup_with_extra_time_and_penalties() -> None:
    match = {
        "round": "Quarter-finals",
        "date": "2022-12-09",
        "time": "18:00 UTC+3",
        "team1": "Croatia",
        "team2": "Brazil",
        "score": {"ht": [0, 0], "ft": [0, 0], "et": [1, 1], "p": [4, 2]},
    }
    (found,) = read_openfootball(openfootball(match), SOURCE).fixtures
    assert found.kick_off == datetime(2022, 12, 9, 15, tzinfo=UTC)
    assert (found.competition, found.season) == ("World Cup", "2022")
    assert (found.matchday, found.goals) == ("Quarter-finals", (0, 0))
    assert (found.extra, found.penalties) == ((1, 1), (4, 2))


def test_openfootball_league_awarded_match_and_older_layout() -> None:
    league = Source("test", ZoneInfo("Europe/Vienna"))
    awarded = {
        "round": "Matchday 3",
        "date": "2010-08-01",
        "team1": "A",
        "team2": "B",
        "score": {"ft": [3, 0]},
        "status": "AWARDED",
    }
    (found,) = read_openfootball(openfootball(awarded, name="Liga 2010/11"), league).fixtures
    assert (found.status, found.played_goals, found.season) == (FactStatus.AWARDED, None, "2010-11")
    older = {
        "name": "Liga 2014/15",
        "rounds": [
            {
                "name": "Matchday 1",
                "matches": [
                    {"date": "2014-08-16", "team1": {"name": "A"}, "team2": {"name": "B"}}
                    | {"score1": 1, "score2": 2}
                ],
            }
        ],
    }
    (found,) = read_openfootball(json.dumps(older).encode(), league).fixtures
    assert (found.home, found.full_time, found.matchday) == ("A", (1, 2), "1")


@pytest.mark.parametrize("content", [b"no json", b"[]", b'{"name": "x"}'])
def test_other_json_is_refused(content: bytes) -> None:
    imported = read_openfootball(content, SOURCE)
    assert (imported.fixtures, len(imported.refusals)) == ((), 1)


def test_bad_match_of_openfootball_stops_no_other() -> None:
    good = {"round": "1", "date": "2022-12-09", "team1": "A", "team2": "B"}
    bad = [good | {"date": "soon"}, {"round": "1"}, good | {"score": {"ft": [1]}}]
    imported = read_openfootball(openfootball(*bad, good), SOURCE)
    assert [refusal.line for refusal in imported.refusals] == [1, 2, 3]
    assert len(imported.fixtures) == 1


def feed(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "backend.feed", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_commands_import_and_check_files(tmp_path: Path) -> None:
    source, output = tmp_path / "E0.csv", tmp_path / "facts.csv"
    source.write_bytes(
        b"Div,Date,HomeTeam,AwayTeam,FTHG,FTAG,FTR,HTHG,HTAG,HTR\n"
        b"E0,01/02/2024,A,B,1,0,H,0,0,D\n"
        b"E0,01/02/2024,C,D,x,0,H,0,0,D\n"
    )
    arguments = ("football-data", str(source), "--output", str(output), "--competition", "League")
    done = feed("import", *arguments)
    assert (done.returncode, "1 fixtures, 1 refused" in done.stdout) == (1, True), done.stderr
    assert "line 3, score: ['x', '0'] is not a score; bytes b'E0,01/02/2024,C,D" in done.stderr
    assert [fixture.competition for fixture in load_facts(output)] == ["League"]
    assert feed("check", str(output)).returncode == 0
    with output.open("ab") as facts:
        facts.write(b"bad\nworse\n")
    checked = feed("check", str(output))
    assert (checked.returncode, checked.stderr.count("row: has 1 fields")) == (1, 2)
    held = output.read_bytes()
    other = feed("import", "international", str(source), "--output", str(output))
    assert (other.returncode, output.read_bytes() == held) == (2, True)
    assert f"no fixture was read as international, so {output} is not written" in other.stderr
    nothing = feed("check", str(tmp_path / "none.csv"))
    assert (nothing.returncode, "cannot read" in nothing.stderr) == (2, True)
