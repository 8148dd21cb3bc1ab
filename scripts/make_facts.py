"""Makes data/epl_2022_2025.csv from openfootball's files."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from backend.feed.facts import FactsInvalid, FixtureFacts, write_facts
from backend.feed.reading import load_facts
from protocol.outcomes import Score

SEASONS = ("2022-23", "2023-24", "2024-25")
LEAGUE = "en.1"
COMPETITION = "Premier League"
SOURCE_ZONE = ZoneInfo("Europe/London")
DEFAULT_OUTPUT = Path("data/epl_2022_2025.csv")


def fixture_facts(season: str, match: dict[str, Any]) -> FixtureFacts:
    """A match of the source as a fixture; the source's times are local to the league.

    The source omits the half-time score of goalless matches, which can only be 0-0.
    """
    local = datetime.fromisoformat(f"{match['date']}T{match['time']}")
    full = match["score"]["ft"]
    half = match["score"].get("ht", [0, 0] if full == [0, 0] else None)
    if half is None:
        raise FactsInvalid(f"{match['team1']} v {match['team2']}: no half-time score")
    return FixtureFacts(
        competition=COMPETITION,
        season=season,
        matchday=match["round"].removeprefix("Matchday "),
        starts_at_s=int(local.replace(tzinfo=SOURCE_ZONE).timestamp()),
        home=match["team1"],
        away=match["team2"],
        score=Score(*half, *full),
    )


def season_facts(folder: Path, season: str) -> list[FixtureFacts]:
    """All matches of a season. Raises FactsInvalid unless the folder has one file of it."""
    found = sorted(folder.glob(f"*{season}_{LEAGUE}.json"))
    if len(found) != 1:
        raise FactsInvalid(
            f"{folder} holds {len(found)} files named *{season}_{LEAGUE}.json; it needs one"
        )
    source = json.loads(found[0].read_text(encoding="utf-8"))
    return [fixture_facts(season, match) for match in source["matches"]]


def main() -> int:
    """Writes the file and reads it back; returns the exit code."""
    parser = ArgumentParser("python -m scripts.make_facts", description=__doc__)
    parser.add_argument(
        "folder", type=Path, help="of files *<season>_en.1.json of the project football.json"
    )
    parser.add_argument("output", nargs="?", type=Path, default=DEFAULT_OUTPUT)
    asked = parser.parse_args()
    folder, output = asked.folder, asked.output
    try:
        facts = [fixture for season in SEASONS for fixture in season_facts(folder, season)]
        write_facts(output, facts)
        written = load_facts(output)
    except (FactsInvalid, OSError) as error:
        print(f"make_facts: {error}", file=sys.stderr)
        return 2
    print(f"{output}: {len(written)} fixtures")
    return 0


if __name__ == "__main__":
    sys.exit(main())
