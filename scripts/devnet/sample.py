"""Names the match day of the sample facts that local runs play, and when its eve begins."""

from __future__ import annotations

import functools

from backend.feed.facts import FixtureFacts, matchday
from backend.feed.reading import load_facts
from scripts.devnet.paths import ROOT

SEASON = "2024-25"
MATCHDAY = 38
FACTS_FILE = ROOT / "data" / "epl_2022_2025.csv"
EVE_S = 20 * 60 * 60  # the eve begins so long before the first kick-off


@functools.cache
def fixtures() -> tuple[FixtureFacts, ...]:
    """The fixtures of the match day."""
    return matchday(load_facts(FACTS_FILE), SEASON, str(MATCHDAY))


def first_kick_off_s() -> int:
    return min(fixture.starts_at_s for fixture in fixtures())
