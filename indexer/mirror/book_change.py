"""Computes what the house owes on markets and locks for them, as the contract does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from indexer.decode.batch_reader import Bet
from indexer.errors import Contradiction
from protocol.exposure import COUNTED_OUTCOMES, Exposure, locked_micro


@dataclass
class BookChange:
    """How placed and settled bets change the book. `exposures` has deltas by market, in the
    order of the fields of `Exposure`."""

    exposures: dict[bytes, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0] * 4))
    pool_micro: int = 0
    open_stakes_micro: int = 0
    accumulators_locked_micro: int = 0
    batches: int = 0

    def place(self, stakes_micro: int, accumulators_locked_micro: int) -> None:
        """Add placed bets; call `move_single` for the single bets among them."""
        self.pool_micro += stakes_micro
        self.open_stakes_micro += stakes_micro
        self.accumulators_locked_micro += accumulators_locked_micro

    def place_remainder(self, bet: Bet) -> None:
        """Add the remainder of a bet; its stake is in the pool already."""
        self._count(bet, 1)

    def settle(self, bet: Bet, payout_micro: int) -> None:
        """Remove a settled bet and its payout."""
        self.pool_micro -= payout_micro
        self._count(bet, -1)

    def move_single(self, market: bytes, outcome: int, payout_micro: int, stake_micro: int) -> None:
        """Add single bets on one outcome, or remove them (negative amounts). Outcomes above the
        third count in the first, because all payouts of such a market are added up."""
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
    """The change of the locked amount when the exposures of markets change by `changes` to `after`.
    Raises Contradiction when an exposure would be negative."""
    total = 0
    for market, change in changes.items():
        if min(after[market]) < 0:
            raise Contradiction(f"the exposure of market 0x{market.hex()} would be negative")
        before = after[market].less(change)
        total += locked_micro(market, after[market]) - locked_micro(market, before)
    return total


def settled_numbers(bits: int) -> Iterable[int]:
    """The numbers of the bits that are set."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
