"""Checks the calibration of the odds model, season 2024-25 walk-forward; writes one JSON file.

Walk-forward: every match of 2024-25 is priced by a model fitted the same morning, from earlier
matches only, and compared with a base rate: the shares of home wins, draws and away wins in those
same earlier matches. Log loss and Brier score of the match result, of total goals 2.5 and of both
teams to score (smaller is better), and how often what was called 60 to 80 % likely came true.
"""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from backend.feed.facts import FixtureFacts
from backend.feed.reading import load_facts
from backend.odds.fitting import fit
from backend.odds.football import Football
from backend.odds.pricing import fair_probabilities
from backend.odds.sport import DAY_S, Floats
from protocol.market_id import Kind, MarketId
from protocol.outcomes import Score, fraction

SEASON = "2024-25"
FACTS = Path("data/epl_2022_2025.csv")
RESULTS = Path("bench/results/odds.json")
MARKETS = {
    "match_result": (Kind.MATCH_RESULT, 0),
    "total_goals_2_5": (Kind.TOTAL_GOALS, 10),
    "both_teams_to_score": (Kind.BOTH_TEAMS_TO_SCORE, 0),
}


@dataclass(slots=True)
class Tally:
    """Forecasts (rows of probabilities) and what came true (one-hot rows)."""

    forecasts: list[Floats] = field(default_factory=list)
    truths: list[Floats] = field(default_factory=list)

    def add(self, forecast: Floats, truth: Floats) -> None:
        """One more forecast."""
        self.forecasts.append(forecast)
        self.truths.append(truth)

    def log_loss(self) -> float:
        """Mean of minus the log of what came true was given."""
        given = np.sum(np.array(self.forecasts) * np.array(self.truths), axis=1)
        return float(-np.log(given).mean())

    def brier(self) -> float:
        """Mean squared error, summed over the outcomes."""
        error = np.array(self.forecasts) - np.array(self.truths)
        return float((error**2).sum(axis=1).mean())

    def band(self, low: float, high: float) -> tuple[float, float, int]:
        """Mean forecast, share that came true and number of the forecasts in a band."""
        forecasts, truths = np.ravel(self.forecasts), np.ravel(self.truths)
        chosen = (forecasts >= low) & (forecasts < high)
        return float(forecasts[chosen].mean()), float(truths[chosen].mean()), int(chosen.sum())


def outcome_row(market: MarketId, score: Score) -> Floats:
    """1 for the outcome that the score makes win, 0 for the others."""
    count = len(market.outcomes)
    return np.array([fraction(market, outcome, score).win / 2 for outcome in range(count)])


def walk_forward(
    facts: Sequence[FixtureFacts], season: str
) -> tuple[dict[str, Tally], dict[str, Tally]]:
    """Forecasts of the model and of the base rate for every match of the season."""
    football = Football(facts)
    model = {name: Tally() for name in MARKETS}
    base = {name: Tally() for name in MARKETS}
    for fixture in facts:
        if fixture.season != season or fixture.score is None:
            continue
        space = football.space(fixture.home, fixture.away, fixture.starts_at_s)
        morning_s = fixture.starts_at_s // DAY_S * DAY_S
        earlier = [f.score for f in facts if f.starts_at_s < morning_s and f.score is not None]
        for name, (kind, line_q) in MARKETS.items():
            market = MarketId(fixture.fixture_id, fixture.starts_at_s, kind, line_q=line_q)
            truth = outcome_row(market, fixture.score)
            model[name].add(fair_probabilities(space, market), truth)
            base[name].add(np.mean([outcome_row(market, s) for s in earlier], axis=0), truth)
    return model, base


def measure(facts: Sequence[FixtureFacts]) -> dict[str, float]:
    """All numbers of the bench, by flat names."""
    began = time.perf_counter()
    fit(facts, facts[-1].starts_at_s)
    numbers = {"fit_three_seasons_s": round(time.perf_counter() - began, 4)}
    model, base = walk_forward(facts, SEASON)
    numbers["matches"] = len(model["match_result"].truths)
    for name in MARKETS:
        for who, tally in (("model", model[name]), ("base_rate", base[name])):
            numbers[f"{name}_log_loss_{who}"] = round(tally.log_loss(), 4)
            numbers[f"{name}_brier_{who}"] = round(tally.brier(), 4)
    for low, high in ((0.0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 1.0)):
        forecast, came_true, count = model["match_result"].band(low, high)
        band = f"match_result_band_{100 * low:.0f}_{100 * high:.0f}"
        numbers[f"{band}_forecast"] = round(forecast, 4)
        numbers[f"{band}_came_true"] = round(came_true, 4)
        numbers[f"{band}_count"] = count
    return numbers


def main() -> int:
    """Measure, print and write; fails when the model is no better than the base rate."""
    parser = ArgumentParser("python -m bench.odds", description=__doc__)
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.add_argument("facts", nargs="?", default=FACTS, help=f"file of results ({FACTS})")
    numbers = measure(load_facts(parser.parse_args().facts))
    for name, value in numbers.items():
        print(f"{name:45} {value:g}")
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    print(f"written: {RESULTS}")
    worse = numbers["match_result_log_loss_model"] >= numbers["match_result_log_loss_base_rate"]
    if worse:
        print("bench.odds: the model is no better than the base rate", file=sys.stderr)
    return int(worse)


if __name__ == "__main__":
    sys.exit(main())
