"""Prices football: fits a model of the facts once per day, and derives score grids from it."""

from __future__ import annotations

from collections.abc import Sequence

from backend.feed.facts import MATCH_LENGTH_S, FixtureFacts
from backend.odds.fitting import ModelSettings, fit
from backend.odds.goal_rates import FootballModel
from backend.odds.score_grid import ScoreGrid, score_grid
from backend.odds.sport import DAY_S


class Football:
    """Prices fixtures from the facts known before the day; a Sport.

    A model is fitted once per day (UTC) from matches before that day only, and again when the facts
    of those matches change.
    """

    def __init__(
        self, facts: Sequence[FixtureFacts], settings: ModelSettings | None = None
    ) -> None:
        self._facts = facts
        self._settings = settings
        self._models: dict[int, FootballModel] = {}
        self._learnt = 0

    def learn(self, facts: Sequence[FixtureFacts], as_of_s: int) -> bool:
        """Replace the facts. Models are fitted again if matches before the day of `as_of_s` differ;
        returns whether they do."""
        day_s = as_of_s // DAY_S * DAY_S
        changed = _played_before(facts, day_s) != _played_before(self._facts, day_s)
        self._facts = facts
        if changed:
            self._models.clear()
            self._learnt += 1
        return changed

    def edition(self, as_of_s: int) -> int:
        """Rises with every set of facts that changes the model, and differs by day."""
        return as_of_s // DAY_S * 100_000 + self._learnt

    def model(self, as_of_s: int) -> FootballModel:
        """The model for the day of `as_of_s`. Raises ModelError when there are too few matches."""
        day = as_of_s // DAY_S
        if day not in self._models:
            self._models[day] = fit(self._facts, day * DAY_S, self._settings)
        return self._models[day]

    def unknown(self, home: str, away: str, as_of_s: int) -> Sequence[str]:
        """Those of the two clubs without a match before the day of `as_of_s`."""
        known = self.model(as_of_s).attack
        return [club for club in (home, away) if club not in known]

    def space(self, home: str, away: str, as_of_s: int) -> ScoreGrid:
        """The score grid of a fixture, from matches before the day of `as_of_s`."""
        return score_grid(self.model(as_of_s).rates(home, away))


def _played_before(facts: Sequence[FixtureFacts], day_s: int) -> set[tuple[object, ...]]:
    """What a model of matches before `day_s` is fitted to."""
    return {
        (
            fixture.competition,
            fixture.season,
            fixture.starts_at_s,
            fixture.home,
            fixture.away,
            fixture.score,
            fixture.played_goals,
        )
        for fixture in facts
        if fixture.played_goals is not None and fixture.starts_at_s + MATCH_LENGTH_S <= day_s
    }
