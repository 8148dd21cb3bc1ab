"""Decides about slips slowly and plainly: everything is summed up from all slips and bets, one slip
after the other. It shares nothing with what it is compared with but the arithmetic of odds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from protocol.payout import full_payout_down, odds_product
from protocol.typed_data import Slip
from tests.backend.api.bettors import NOW_S, RECEIPT_WINDOW_S, UNIT

MIN_STAKE, MAX_STAKE, MAX_PAYOUT = UNIT // 10, 500 * UNIT, 20_000 * UNIT
MAX_AHEAD_S, MAX_PENDING, WINDOW = 120, 8, 8


@dataclass
class Accepted:
    """A slip that was accepted."""

    slip: Slip
    key: str
    at_s: int
    odds_e4: tuple[int, ...]

    @property
    def risk(self) -> int:
        return full_payout_down(self.slip.stake_micro, self.odds_e4) - self.slip.stake_micro


@dataclass
class Placed:
    """A bet on the chain, of an accepted slip or at other terms."""

    of: Accepted
    block: int
    as_receipt: bool


Answer = dict[str, Any]


@dataclass
class ReferenceHouse:
    """All that ever happened, and the limits."""

    odds: dict[bytes, tuple[int, ...]]
    balances: dict[int, int]
    pool: int
    reserve: int
    market_cap: int
    fixture_cap: int
    accumulator_cap: int
    budget: int
    budget_left: int
    now_s: int = NOW_S
    head: int = 20
    confirmed: int = 18
    read_block: int = 20
    times_s: dict[int, int] = field(default_factory=dict)
    slips: list[Accepted] = field(default_factory=list)
    bets: list[Placed] = field(default_factory=list)

    def submit(self, slip: Slip, key: str | None) -> Answer:
        """The answer: a code, and the amounts that the refusal names."""
        key = key or f"0x{slip.struct_hash().hex()}"
        own = [one for one in self.slips if one.slip.account == slip.account]
        if any(one.key == key and one.slip != slip for one in own):
            return {"code": "idempotency-conflict"}
        if any(one.key == key or one.slip == slip for one in own):
            return {"code": "accepted before"}
        return (
            self.terms(slip)
            or self._account(slip, own)
            or self._house(slip, Accepted(slip, key, self.now_s, self._odds(slip)))
        )

    def _odds(self, slip: Slip) -> tuple[int, ...]:
        return tuple(self.odds[leg.market.pack()][leg.outcome] for leg in slip.legs)

    def terms(self, slip: Slip) -> Answer | None:
        """The refusal for what the slip says, whatever was accepted."""
        odds_e4 = self._odds(slip)
        if slip.deadline_s <= self.now_s:
            return {"code": "slip-expired"}
        if slip.deadline_s > self.now_s + MAX_AHEAD_S:
            return {"code": "deadline-too-far"}
        if slip.stake_micro < MIN_STAKE:
            return {"code": "stake-too-small"}
        if slip.stake_micro > MAX_STAKE:
            return {"code": "stake-too-large"}
        product, one = odds_product(odds_e4)
        if product * 10_000 < slip.min_odds_e4 * one:
            return {"code": "odds-moved"}
        if full_payout_down(slip.stake_micro, odds_e4) > MAX_PAYOUT:
            return {"code": "payout-too-large"}
        return None

    def _account(self, slip: Slip, own: Sequence[Accepted]) -> Answer | None:
        used = {bet.of.slip.nonce for bet in self.bets if bet.of.slip.account == slip.account}
        lowest = max([1, *(nonce - WINDOW for nonce in used)])
        while lowest in used:
            lowest += 1
        pending = [one for one in own if self._pending(one)]
        waiting = {one.slip.nonce for one in pending}
        if slip.nonce < lowest or slip.nonce in used | waiting:
            return {"code": "nonce-used"}
        if slip.nonce > lowest + WINDOW:
            return {"code": "nonce-too-far"}
        if len(pending) >= MAX_PENDING:
            return {"code": "too-many-pending"}
        free = self.balances[slip.account] - sum(one.slip.stake_micro for one in pending)
        if slip.stake_micro > free:
            return _refused("balance-insufficient", slip.stake_micro, free)
        return None

    def _house(self, slip: Slip, new: Accepted) -> Answer:
        pending = [one for one in self.slips if self._pending(one)]
        free = self.pool - self.reserve - sum(one.risk for one in pending)
        if new.risk > free:
            return _refused("exposure-exceeded", new.risk, free)
        taken = sum(one.risk for one in self.slips if self._outstanding(one))
        left = min(self.budget_left, self.reserve) - taken
        if new.risk > left:
            if new.risk > min(self.budget, self.reserve):
                return {"code": "receipt-too-large", "needed_micro": str(new.risk)}
            return _refused("receipt-budget", new.risk, left)
        left = min(self._caps(slip, pending))
        if new.risk > left:
            return _refused("cap-exceeded", new.risk, left)
        self.slips.append(new)
        return {"code": "accepted"}

    def _caps(self, slip: Slip, pending: Sequence[Accepted]) -> list[int]:
        if len(slip.legs) > 1:
            several = sum(one.risk for one in pending if len(one.slip.legs) > 1)
            return [self.market_cap, self.accumulator_cap - several]
        singles = [one for one in pending if len(one.slip.legs) == 1]
        market = slip.legs[0].market

        def on(fixture: bytes, whole: bytes | None) -> int:
            return sum(
                one.risk
                for one in singles
                if one.slip.legs[0].market.fixture == fixture
                and whole in (None, one.slip.legs[0].market.pack())
            )

        return [
            self.market_cap - on(market.fixture, market.pack()),
            self.fixture_cap - on(market.fixture, None),
        ]

    def _pending(self, one: Accepted) -> bool:
        """Until a bet has its nonce, or its window is over at the head."""
        return one.at_s >= self.now_s - RECEIPT_WINDOW_S and not any(
            bet.of.slip.account == one.slip.account
            and bet.of.slip.nonce == one.slip.nonce
            and bet.of.at_s <= one.at_s + RECEIPT_WINDOW_S
            for bet in self.bets
        )

    def _outstanding(self, one: Accepted) -> bool:
        """Until it is placed as its receipt says, or its window is over, at the block that was
        both read and confirmed."""
        known = min(self.read_block, self.confirmed)
        known_s = self.times_s.get(known, NOW_S + 12 * (known - 20))
        return one.at_s >= known_s - RECEIPT_WINDOW_S and not any(
            bet.of is one and bet.as_receipt and bet.block <= known for bet in self.bets
        )


def _refused(code: str, needed: int, left: int) -> Answer:
    return {"code": code, "needed_micro": str(needed), "available_micro": str(max(0, left))}
