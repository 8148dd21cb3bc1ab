"""Owns football as a sport that can be priced: facts, fitted models and score grids, cached."""

from __future__ import annotations

from collections.abc import Sequence

from backend.feed.facts import FixtureFacts
from backend.odds.grid import ScoreGrid, score_grid
from backend.odds.model import DAY_S, FootballModel, ModelSettings, fit


class Football:
    """Prices fixtures from the facts known on the day; a Sport.

    A model is fitted once for each day (UTC) and holds nothing that happened on it or later.
    """

    def __init__(
        self, facts: Sequence[FixtureFacts], settings: ModelSettings | None = None
    ) -> None:
        self._facts = facts
        self._settings = settings
        self._models: dict[int, FootballModel] = {}

    def model(self, as_of_s: int) -> FootballModel:
        """The model of the day that holds `as_of_s`. Raises ModelError for too few matches."""
        day = as_of_s // DAY_S
        if day not in self._models:
            self._models[day] = fit(self._facts, day * DAY_S, self._settings)
        return self._models[day]

    def space(self, home: str, away: str, as_of_s: int) -> ScoreGrid:
        """The score grid of a fixture from what was known on the day of `as_of_s`."""
        return score_grid(self.model(as_of_s).rates(home, away))
