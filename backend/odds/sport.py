"""Defines what a sport must provide to be priced; holds no sport's rules itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from protocol.market_id import MarketId

Floats = NDArray[np.float64]

DAY_S = 86_400
"""Models are fitted once per day, from what was known when it began."""


class OutcomeSpace(Protocol):
    """The possible final scores of one fixture, each a cell with a probability.

    Every market of the fixture is priced from these cells, so no two of them can disagree.
    """

    @property
    def probability(self) -> Floats:
        """Probability of each cell; sums to 1."""
        ...

    def fractions(self, market: MarketId, outcome: int) -> tuple[Floats, Floats]:
        """What a bet on the outcome earns in each cell: win and refund fractions, 0 to 1."""
        ...

    def with_probability(self, probability: Floats) -> Self:
        """The same cells with other probabilities."""
        ...


class Sport(Protocol):
    """A model of one sport and its teams."""

    def space(self, home: str, away: str, as_of_s: int) -> OutcomeSpace:
        """The cells of a fixture, from what was known at `as_of_s` (unix seconds)."""
        ...

    def edition(self, as_of_s: int) -> int:
        """A number that changes when the model of that time does, so that fixtures are priced
        again."""
        ...

    def unknown(self, home: str, away: str, as_of_s: int) -> Sequence[str]:
        """Those of the two teams of which the model of that time has seen no match."""
        ...
