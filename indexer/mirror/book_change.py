"""Computes what the house owes on markets and locks for them, as the contract does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from indexer.decode.bet_reader import Bet
from indexer.errors import Contradiction
from protocol.exposure import COUNTED_OUTCOMES, Exposure, is_gross, locked_micro


@dataclass
class BookChange:
    """How placed and settled bets change the book. `exposures` has deltas by market, in the
    order of the fields of `Exposure`; `marked` has, of markets that share one fate, the block in
    which the first of their bets was settled by a result."""

    exposures: dict[bytes, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0] * 4))
    marked: dict[bytes, int] = field(default_factory=dict)
    pool_micro: int = 0
    accumulator_stakes_micro: int = 0
    accumulators_locked_micro: int = 0
    batches: int = 0

    def place(
        self, stakes_micro: int, accumulator_stakes_micro: int, accumulators_locked_micro: int
    ) -> None:
        """Add placed bets; call `move_single` for the single bets among them."""
        self.pool_micro += stakes_micro
        self.accumulator_stakes_micro += accumulator_stakes_micro
        self.accumulators_locked_micro += accumulators_locked_micro

    def place_one(self, bet: Bet) -> None:
        """Add a placed bet."""
        self.pool_micro += bet.stake_micro
        self._count(bet, 1)

    def place_remainder(self, bet: Bet) -> None:
        """Add the remainder of a bet; its stake is in the pool already."""
        self._count(bet, 1)

    def settle(self, bet: Bet, payout_micro: int) -> None:
        """Remove a bet that was settled, cashed out or replaced, and its payout."""
        self.pool_micro -= payout_micro
        self._count(bet, -1)

    def mark(self, bet: Bet, block: int) -> None:
        """Mark the market of a bet that was settled by a result, as `SettlingByResults._release`
        does. Blocks are in ascending order."""
        if len(bet.legs) == 1 and not is_gross(bet.legs[0].market):
            self.marked.setdefault(bet.legs[0].market, block)

    def move_single(self, market: bytes, outcome: int, payout_micro: int, stake_micro: int) -> None:
        """Add single bets on one outcome, or remove them (negative amounts). Outcomes above the
        third count in the first, because all payouts of such a market are added up."""
        amounts = self.exposures[market]
        amounts[outcome if outcome < COUNTED_OUTCOMES else 0] += payout_micro
        amounts[COUNTED_OUTCOMES] += stake_micro

    def _count(self, bet: Bet, sign: int) -> None:
        payout, stake = sign * bet.payout_max_micro, sign * bet.stake_micro
        if len(bet.legs) == 1:
            self.move_single(bet.legs[0].market, bet.legs[0].outcome, payout, stake)
        else:
            self.accumulator_stakes_micro += stake
            self.accumulators_locked_micro += payout - stake


class MarketBook(NamedTuple):
    """What the book owes on a market, and locks for it."""

    owed_micro: int
    locked_micro: int


def market_book(market: bytes, exposure: Exposure, decided_micro: int | None) -> MarketBook:
    """The part of a market in the book: its stakes and worst case or, when it is marked, exactly
    what its open bets are paid (`decided_micro`)."""
    if decided_micro is not None:
        return MarketBook(decided_micro, 0)
    return MarketBook(exposure.stakes_micro, locked_micro(market, exposure))


class MarketChange(NamedTuple):
    """The exposure of a market after a change, and what its open bets were and are paid if it was
    and is marked (None if not)."""

    market: bytes
    after: Exposure
    decided_before_micro: int | None
    decided_after_micro: int | None


def market_changes_micro(
    changes: Iterable[MarketChange], deltas: dict[bytes, list[int]]
) -> MarketBook:
    """The changes of what is owed and locked when the exposures of markets change by `deltas`.
    Raises Contradiction when an exposure would be negative."""
    owed = locked = 0
    for market, exposure, decided_before, decided_after in changes:
        if min(exposure) < 0:
            raise Contradiction(f"the exposure of market 0x{market.hex()} would be negative")
        after = market_book(market, exposure, decided_after)
        before = market_book(market, exposure.less(deltas[market]), decided_before)
        owed += after.owed_micro - before.owed_micro
        locked += after.locked_micro - before.locked_micro
    return MarketBook(owed, locked)


def settled_numbers(bits: int) -> Iterable[int]:
    """The numbers of the bits that are set."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
