"""Keeps what the ledger in plain Python (tests.contracts.model) consists of: keys, slips, results,
bets."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from protocol.market_id import MarketId
from protocol.records import BetRecord
from tests.contracts.oracle import Score
from tests.support.terms import BUDGET_PERIOD_S, NO_CAP


class BudgetExceeded(Exception):
    """A batch commits more than its operator's key may, though no slip does so by itself."""


class By(Enum):
    """How a slip is placed."""

    OPERATOR = auto()
    RECEIPT = auto()
    QUOTE = auto()


@dataclass
class KeyModel:
    """A key of the house, and its budget: a bucket that leaks all of it within a day."""

    budget: int
    from_s: int = 0
    until_s: int = 2**40 - 1
    spent: int = 0
    spent_at_s: int = 0

    def left(self, now_s: int) -> int:
        """What it may commit. Once it is retired, nothing comes back."""
        passed_s = min(now_s, self.until_s) - self.spent_at_s
        return self.budget - max(0, self.spent - self.budget * passed_s // BUDGET_PERIOD_S)

    def spend(self, amount: int, now_s: int) -> None:
        self.spent = self.budget - self.left(now_s) + amount
        self.spent_at_s = min(now_s, self.until_s)


@dataclass(frozen=True)
class SlipModel:
    """A slip as the batch has it, and whether its owner signed it."""

    record: BetRecord
    min_odds_e4: int
    deadline_after_s: int
    is_signed: bool


@dataclass
class ResultModel:
    """A published result."""

    status: int
    score: Score
    settled_at_s: int
    published_at_s: int
    final_at_s: int


@dataclass
class Bet:
    """A placed bet: when it was accepted, and on which markets."""

    record: BetRecord
    accepted_at_s: int
    markets: tuple[MarketId, ...]
    is_settled: bool = False

    @property
    def risk(self) -> int:
        """What it pays above its stake, if every leg wins."""
        return self.record.payout_max_micro - self.record.stake_micro


@dataclass(frozen=True)
class Capacity:
    """What a batch may lock, as it stood when it began."""

    all_micro: int
    market_micro: int = NO_CAP
    fixture_micro: int = NO_CAP
    accumulators_micro: int = NO_CAP
