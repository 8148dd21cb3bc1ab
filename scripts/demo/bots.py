"""Chooses bets for the demo's bettors: favourites, stakes, accumulators, and a few mistakes.

The same seed and odds give the same choices.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from protocol.limits import ODDS_ONE_E4
from protocol.payout import odds_product

UNIT = 10**6
STAKES = (2, 5, 5, 10, 10, 20, 25, 50, 100, 250)
MAX_LEGS = 4
ACCUMULATORS = 0.22
MISTAKES = 0.06
MIN_ODDS_SLACK_E4 = 9_700  # a bettor takes odds down to 97 % of what was shown


class Mistake(StrEnum):
    """A mistake that a bettor makes on purpose; the API has to refuse it."""

    STAKE_ABOVE_BALANCE = "stake above the balance"
    NONCE_USED = "a nonce used before"
    ODDS_TOO_HIGH = "minimum odds above the offer"
    OTHER_KEY = "signed with another key"
    EXPIRED = "deadline in the past"


@dataclass(frozen=True, slots=True)
class Offer:
    """A market on offer: ids in hex, names of the outcomes, odds x 10^4 of each outcome."""

    fixture: str
    market: str
    kind: str
    outcomes: tuple[str, ...]
    odds_e4: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """A bet to make: (market, outcome) of each leg, stake, minimum product of odds x 10^4."""

    legs: tuple[tuple[str, int], ...]
    stake_micro: int
    min_odds_e4: int
    mistake: Mistake | None = None


class Bettor:
    """One bettor's taste, drawn once from the seed: how bold, and how large the stakes are."""

    def __init__(self, seed: int, number: int) -> None:
        self._random = random.Random(f"{seed}/{number}")
        self._boldness = self._random.random()
        self._purse = self._random.choice((1, 1, 1, 2, 4))

    def deposit_micro(self) -> int:
        """The bettor's deposit: 400 to 2,000 units."""
        return self._random.randrange(400, 2_001, 50) * UNIT

    def choose(self, offers: Sequence[Offer]) -> Choice:
        """The next bet. Needs at least one offer."""
        by_fixture = _by_fixture(offers)
        several = len(by_fixture) > 1 and self._random.random() < ACCUMULATORS
        count = self._random.randint(2, min(MAX_LEGS, len(by_fixture))) if several else 1
        picked = [
            self._pick(by_fixture[fixture])
            for fixture in self._random.sample(sorted(by_fixture), count)
        ]
        product, one = odds_product(offer.odds_e4[outcome] for offer, outcome in picked)
        shown_e4 = product * ODDS_ONE_E4 // one
        stake = self._random.choice(STAKES) * self._purse
        mistake = None
        if self._random.random() < MISTAKES:
            mistake = self._random.choice(list(Mistake))
        return Choice(
            legs=tuple((offer.market, outcome) for offer, outcome in picked),
            stake_micro=max(1, stake // count) * UNIT,
            min_odds_e4=shown_e4 * MIN_ODDS_SLACK_E4 // 10_000,
            mistake=mistake,
        )

    def _pick(self, offers: Sequence[Offer]) -> tuple[Offer, int]:
        """A market, then an outcome: bold bettors prefer long odds, others the favourite."""
        offer = self._random.choice(sorted(offers, key=lambda o: o.market))
        outcomes = range(len(offer.odds_e4))
        if self._random.random() < 0.5:
            return offer, self._random.choice(list(outcomes))
        longest = self._random.random() < self._boldness
        choose = max if longest else min
        return offer, choose(outcomes, key=lambda outcome: offer.odds_e4[outcome])


def _by_fixture(offers: Sequence[Offer]) -> Mapping[str, list[Offer]]:
    found: dict[str, list[Offer]] = {}
    for offer in offers:
        found.setdefault(offer.fixture, []).append(offer)
    return found
