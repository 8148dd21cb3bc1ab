"""Owns what the house owes on a market and locks for it, as the contract counts it; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from indexer.decode.batch_reader import Bet
from indexer.errors import Contradiction
from protocol.exposure import COUNTED_OUTCOMES, Exposure, locked_micro


@dataclass
class BookChange:
    """How bets coming and going change the book. `exposures` are differences by market, in the
    order of `Exposure`."""

    exposures: dict[bytes, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0] * 4))
    pool_micro: int = 0
    open_stakes_micro: int = 0
    accumulators_locked_micro: int = 0
    batches: int = 0

    def place(self, stakes_micro: int, accumulators_locked_micro: int) -> None:
        """Bets come in with their stakes; the singles among them are told by `move_single`."""
        self.pool_micro += stakes_micro
        self.open_stakes_micro += stakes_micro
        self.accumulators_locked_micro += accumulators_locked_micro

    def go_on(self, bet: Bet) -> None:
        """What is left of a bet, whose stake is in the pool already, goes on as a bet."""
        self._count(bet, 1)

    def settle(self, bet: Bet, payout_micro: int) -> None:
        """A bet goes, and takes its payout with it."""
        self.pool_micro -= payout_micro
        self._count(bet, -1)

    def move_single(self, market: bytes, outcome: int, payout_micro: int, stake_micro: int) -> None:
        """Single bets on one outcome come in, or go (negative amounts). A market of more than three
        outcomes counts those above in the first, as all its payouts are added up."""
        amounts = self.exposures[market]
        amounts[outcome if outcome < COUNTED_OUTCOMES else 0] += payout_micro
        amounts[COUNTED_OUTCOMES] += stake_micro

    def _count(self, bet: Bet, sign: int) -> None:
        payout, stake = sign * bet.payout_max_micro, sign * bet.stake_micro
        self.open_stakes_micro += stake
        if len(bet.legs) == 1:
            self.move_single(bet.legs[0].market, bet.legs[0].outcome, payout, stake)
        else:
            self.accumulators_locked_micro += payout - stake


def locked_change_micro(
    after: Mapping[bytes, Exposure], changes: Mapping[bytes, Sequence[int]]
) -> int:
    """By how much it changes what is locked that markets have moved by `changes` to `after`.
    Raises Contradiction when a bet went that never came."""
    total = 0
    for market, change in changes.items():
        if min(after[market]) < 0:
            raise Contradiction(f"market 0x{market.hex()} would be owed less than nothing")
        before = after[market].less(change)
        total += locked_micro(market, after[market]) - locked_micro(market, before)
    return total


def settled_numbers(bits: int) -> Iterable[int]:
    """The numbers of the bets whose bit is set."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
