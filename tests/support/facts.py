"""Makes facts about fixtures for tests."""

from __future__ import annotations

from backend.feed.facts import FixtureFacts
from protocol.outcomes import Score


def facts(teams: str, starts_at_s: int, score: tuple[int, int, int, int] | None) -> FixtureFacts:
    home, away = teams.split(" v ")
    return FixtureFacts(
        "Test", "2030-31", "1", starts_at_s, home, away, Score(*score) if score else None
    )
