"""The facts file is read row by row; a row that cannot be true is refused by line, field and bytes,
and stops no other."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from backend.feed.facts import COLUMNS, FactsInvalid, matchday, write_facts
from backend.feed.reading import load_facts, read_facts
from backend.feed.status import FactStatus
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
        assert all(len(matchday(facts, season, str(number))) == 10 for number in range(1, 39))


def test_name_and_score_of_a_known_match() -> None:
    last_day = matchday(load_facts(SAMPLE), "2024-25", "38")
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
        ("2024-25", "", "season: '' is not plain, non-empty text"),
        (",38,", ",,", "matchday: '' is not plain, non-empty text"),
        ("Southampton", "South\u202eampton", "home: .* is not plain, non-empty text"),
        ("Southampton", "South\u0430mpton", "home: .* mixes letters of two alphabets"),
        ("T15:00:00Z", "T15:00:00", "kick_off: .* is not a UTC time"),
        ("2025-05-25", "2025-02-30", "kick_off: .* is not a UTC time"),
        ("Southampton FC", "", "home: '' is not plain, non-empty text"),
        ("Arsenal FC", "Southampton FC", "away: 'Southampton FC' cannot play against itself"),
        (",0,1,1,2", ",0,1,1,", "away_full: is empty although other goals are given"),
        (",0,1,1,2", ",2,1,1,2", "home_half: is more than the goals at full time"),
        (",0,1,1,2", ",0,1,1,-2", "away_full: '-2' is not a whole number from 0 to 99"),
        (",0,1,1,2", ",,,1,2", "home_half: is empty although other goals are given"),
        (",0,1,1,2", ",-,-,,", "home_half: is unknown although no match was played"),
        (",0,1,1,2", ",0,1,1", "row: has 9 fields, not 10"),
        ("Southampton FC", '"Southampton FC', "row: not a CSV row"),
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
    with pytest.raises(FactsInvalid) as refused:
        load_facts(write(tmp_path, GOOD, GOOD.replace(",1,2", ",1,3")))
    assert "line 2, home" in str(refused.value), "of two contradicting rows neither counts"
    assert "line 3, home" in str(refused.value)


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
        (HEADER.encode() + b'\n"open', "line 2, row: not a CSV row"),
        (HEADER.encode() + b"\nK\xf6ln", r"line 2, row: byte 2 is not UTF-8; bytes b'K\\xf6ln'"),
    ],
)
def test_unusable_file_is_refused(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "facts.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FactsInvalid, match=said):
        load_facts(path)


def test_matchday_that_is_not_there_lists_those_of_the_season() -> None:
    with pytest.raises(FactsInvalid, match=r"its matchdays: 1, 2, 3, .*, 10, .*, 38\)"):
        matchday(load_facts(SAMPLE), "2024-25", "39")


def test_unknown_matchday_names_the_seasons() -> None:
    with pytest.raises(FactsInvalid, match="seasons in the file: 2022-23, 2023-24, 2024-25"):
        matchday(load_facts(SAMPLE), "2025-26", "1")


DAY = [
    f"League,2024-25,1,2025-05-25T15:00:00Z,Home {letter},Away {letter},0,1,1,2"
    for letter in "ABCDEFGHIJ"
]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (DAY[9].replace("League", "Cup"), "already in line 12, as another fixture"),
        (DAY[9].replace(",0,1,1,2", ",,,1,2"), "home_half: is empty"),
    ],
)
def test_bad_row_stops_no_other(tmp_path: Path, bad: str, said: str) -> None:
    rows = [bad, *DAY] if "Cup" in bad else [bad, *DAY[:9]]
    read = read_facts(write(tmp_path, *rows))
    assert [fixture.home[-1] for fixture in read.fixtures] == list("ABCDEFGHI")
    first = read.refusals[0]
    assert (first.line, first.content) == (2, bad.encode())
    assert said in first.reason


def test_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "facts.csv"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join((HEADER, *DAY, "")).encode())
    assert len(load_facts(path)) == 10


def test_wrong_columns_are_shown_with_their_bytes(tmp_path: Path) -> None:
    path = tmp_path / "facts.csv"
    path.write_bytes(HEADER.replace("home,", "h\u00a0ome,").encode() + b"\n")
    with pytest.raises(FactsInvalid, match=r"h\\xc2\\xa0ome"):
        load_facts(path)


def test_every_refused_line_is_named_at_once(tmp_path: Path) -> None:
    bad = [row.replace("15:00", "25:00") for row in DAY]
    with pytest.raises(FactsInvalid) as refused:
        load_facts(write(tmp_path, *bad))
    assert str(refused.value).count("kick_off: ") == 10


def wide(folder: Path, more: str, *rows: str) -> Path:
    path = folder / "facts.csv"
    path.write_text("\n".join((f"{HEADER},{more}", *rows)) + "\n", encoding="utf-8")
    return path


def test_same_clubs_twice_on_a_day_have_a_meeting_each(tmp_path: Path) -> None:
    league, cup = (GOOD.replace("Premier League", name) for name in ("League", "Cup"))
    facts = load_facts(wide(tmp_path, "meeting", f"{league},", f"{cup},2"))
    assert {fixture.competition: fixture.name for fixture in facts} == {
        "League": "Southampton FC v Arsenal FC, 2025-05-25",
        "Cup": "Southampton FC v Arsenal FC, 2025-05-25 (2)",
    }
    assert len({fixture.fixture_id for fixture in facts}) == 2


def test_higher_revision_replaces_a_row(tmp_path: Path) -> None:
    corrected = GOOD.replace(",1,2", ",2,2")
    facts = load_facts(wide(tmp_path, "id,revision", f"{corrected},77,2", f"{GOOD},77,1"))
    assert [fixture.goals for fixture in facts] == [(2, 2)]


def test_key_does_not_depend_on_the_date_or_on_spelling(tmp_path: Path) -> None:
    other_day = GOOD.replace("05-25T15", "05-28T19")
    first, second = (load_facts(write(tmp_path, row))[0] for row in (GOOD, other_day))
    assert (first.key, first.name != second.name) == (second.key, True)
    renamed = GOOD.replace("Southampton FC", "Saints")
    ids = [load_facts(wide(tmp_path, "id", f"{row},77"))[0].key for row in (GOOD, renamed)]
    assert ids[0] == ids[1]


ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e007f England"
SPARTAK = "\u0421\u043f\u0430\u0440\u0442\u0430\u043a"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Atle\u0301tico", "Atl\u00e9tico"),
        ("Real  Madrid ", "Real Madrid"),
        ("Nott\u2019m Forest", "Nott'm Forest"),
        ("K v K Brugge", "K v K Brugge"),
        ('"Korea, South"', "Korea, South"),
        (ENGLAND, ENGLAND),
        (SPARTAK, SPARTAK),
    ],
)
def test_names_are_normalised_and_not_limited(tmp_path: Path, written: str, read: str) -> None:
    row = GOOD.replace("Southampton FC", written)
    assert load_facts(write(tmp_path, row))[0].home == read


@pytest.mark.parametrize("season", ["2025", "2024-25", "Apertura 2025", "2024/25"])
@pytest.mark.parametrize("matchday_", ["Quarterfinals", "38", "Group A, day 3"])
def test_seasons_and_rounds_have_any_form(tmp_path: Path, season: str, matchday_: str) -> None:
    row = GOOD.replace("2024-25,38", f'"{season}","{matchday_}"')
    assert len(matchday(load_facts(write(tmp_path, row)), season, matchday_)) == 1


CLUB = "Atl\u00e9tico"


@pytest.mark.parametrize(
    "other", ["Atletico", "ATL\u00c9TICO", "Atl\u00e9-tico", "Atl\u00e9 tico."]
)
def test_look_alike_is_refused_with_the_name_it_resembles(tmp_path: Path, other: str) -> None:
    rows = [GOOD.replace("Southampton FC", name) for name in (other, CLUB, CLUB)]
    rows = [row.replace("Arsenal", f"Club {n}") for n, row in enumerate(rows)]
    read = read_facts(write(tmp_path, *rows))
    assert [fixture.home for fixture in read.fixtures] == [CLUB, CLUB]
    assert [refusal.line for refusal in read.refusals] == [2]
    assert f"home: {other!r} resembles {CLUB!r}" in read.refusals[0].reason


def test_name_in_letters_that_look_latin_is_refused_with_the_name_it_resembles(
    tmp_path: Path,
) -> None:
    cyrillic = "\u0421\u0421\u0410 \u0421\u041e\u041c\u0410"
    rows = [GOOD.replace("Southampton FC", name) for name in (cyrillic, "CCA COMA", "CCA COMA")]
    rows = [row.replace("Arsenal", f"Club {n}") for n, row in enumerate(rows)]
    (refusal,) = read_facts(write(tmp_path, *rows)).refusals
    assert "resembles 'CCA COMA'" in refusal.reason


def test_alias_stands_for_the_name(tmp_path: Path) -> None:
    rows = [GOOD.replace("Southampton FC", name) for name in ("Atletico", CLUB)]
    rows = [row.replace("Arsenal", f"Club {n}") for n, row in enumerate(rows)]
    path = write(tmp_path, *rows)
    table = tmp_path / "facts.aliases.csv"
    table.write_text(f"alias,name\nAtletico,{CLUB}\n", encoding="utf-8")
    assert {fixture.home for fixture in load_facts(path)} == {CLUB}
    table.write_text("alias,name\na,b\nb,c\n", encoding="utf-8")
    with pytest.raises(FactsInvalid, match="is an alias itself"):
        load_facts(path)
    table.write_text("other,name\n", encoding="utf-8")
    with pytest.raises(FactsInvalid, match="the columns must be alias,name"):
        load_facts(path)


MORE = "status,minute,home_extra,away_extra,home_penalties,away_penalties"


@pytest.mark.parametrize(
    ("goals", "more", "status", "counted"),
    [
        ("0,0,0,0", "played,,1,1,4,2", FactStatus.PLAYED, (0, 0)),
        ("0,0,1,2", "abandoned,63,,,,", FactStatus.ABANDONED, None),
        (",,3,0", "awarded,,,,,", FactStatus.AWARDED, None),
        (",,,", "awarded,,,,,", FactStatus.AWARDED, None),
        (",,,", "postponed,,,,,", FactStatus.POSTPONED, None),
        (",,,", "cancelled,,,,,", FactStatus.CANCELLED, None),
        (",,,", "live,,,,,", FactStatus.LIVE, None),
        (",,,", "moved,,,,,", FactStatus.MOVED, None),
        ("-,-,2,1", ",,,,,", FactStatus.PLAYED, (2, 1)),
    ],
)
def test_statuses_are_expressible_and_read_back(
    tmp_path: Path, goals: str, more: str, status: FactStatus, counted: tuple[int, int] | None
) -> None:
    row = GOOD.removesuffix("0,1,1,2") + f"{goals},{more}"
    (fixture,) = load_facts(wide(tmp_path, MORE, row))
    assert (fixture.status, fixture.played_goals) == (status, counted)
    write_facts(tmp_path / "again.csv", [fixture])
    assert load_facts(tmp_path / "again.csv") == (fixture,)


@pytest.mark.parametrize(
    ("goals", "more", "said"),
    [
        ("0,0,1,2", "abandoned,,,,,", "minute: an abandoned match has one"),
        ("0,0,1,2", "played,63,,,,", "minute: an abandoned match has one"),
        ("0,0,1,2", "abandoned,30,,,,", "differs from full time"),
        ("0,0,1,2", "postponed,,,,,", "home_full: is given although the match is postponed"),
        (",,,", "played,,,,,", "home_full: is empty although the match is played"),
        ("0,0,2,2", "played,,1,1,,", "home_full: is more than the goals at the end of extra time"),
        ("0,0,2,2", "played,,1,,,", "away_extra: is empty although other goals are given"),
        (",,,", ",,1,1,,", "home_full: is empty although other goals are given"),
        (",,,", "finished,,,,,", "status: 'finished' is not one of scheduled, moved"),
    ],
)
def test_contradicting_statuses_are_refused(
    tmp_path: Path, goals: str, more: str, said: str
) -> None:
    row = GOOD.removesuffix("0,1,1,2") + f"{goals},{more}"
    with pytest.raises(FactsInvalid, match=said):
        load_facts(wide(tmp_path, MORE, row))
