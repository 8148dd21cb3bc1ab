"""Keeps the sportsbook's ledger in plain Python: what placing and settling do to it.

Written from the text of ISportsbook, slip by slip and without the shortcuts that the contract
takes for plain slips and bets; the tests hold the contract against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from protocol.market_id import WIDE_KINDS, Kind, MarketId
from protocol.placed_batch import Skip, SkipReason
from protocol.records import BetRecord
from tests.contracts.oracle import BACK, Earned, Score, market_earns, payout, proposition_earns
from tests.support.terms import MAX_MICRO, NO_CAP, RECEIPT_WINDOW_S, VOID_AFTER_S

WINDOW = 8
MAX_LEGS = 12
FRACTION = 5


@dataclass
class AccountModel:
    """One bettor's account; `used` are the nonces that were used."""

    balance: int
    used: set[int] = field(default_factory=lambda: {0})
    excluded_from_s: int = 0
    excluded_until_s: int = 0

    @property
    def nonce(self) -> int:
        return max(self.used)

    @property
    def window(self) -> int:
        """As accountAt has it: bit i stands for nonce - 1 - i."""
        return sum(1 << i for i in range(WINDOW) if self.nonce - 1 - i in self.used)

    def is_usable(self, nonce: int) -> bool:
        return nonce not in self.used and nonce >= self.nonce - WINDOW


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


class Model:
    """The ledger. Amounts are micro-units."""

    def __init__(self, pool: int, open_stakes: int = 0, locked: int = 0) -> None:
        self.pool = pool
        self.open_stakes = open_stakes
        self.locked = locked
        self.market_cap = self.fixture_cap = NO_CAP
        self.accounts: dict[int, AccountModel] = {}
        self.exposures: dict[MarketId, tuple[int, int, int, int]] = {}
        self.fixtures: dict[bytes, int] = {}
        self.results: dict[bytes, ResultModel] = {}
        self.batches: dict[int, list[Bet]] = {}

    # -- Placing

    def place(
        self,
        number: int,
        markets: Sequence[MarketId],
        base_s: int,
        slips: Iterable[SlipModel],
        now_s: int,
    ) -> tuple[list[BetRecord], list[Skip]]:
        """The bets that come of a batch, and the slips that are left out."""
        capacity = max(0, self.pool - self.open_stakes)
        bets: list[Bet] = []
        skips: list[Skip] = []
        stakes = 0
        for slip in slips:
            record = slip.record
            reason = self.refusal(slip, markets, base_s, now_s, capacity)
            if reason is not None:
                skips.append(Skip(record.account, record.nonce, reason))
                continue
            account = self.accounts[record.account]
            account.used.add(record.nonce)
            account.balance -= record.stake_micro
            stakes += record.stake_micro
            self._take(record, markets)
            on = tuple(markets[leg.market] for leg in record.legs)
            bets.append(Bet(record, base_s + record.accepted_after_s, on))
        self.pool += stakes
        self.open_stakes += stakes
        self.batches[number] = bets
        return [bet.record for bet in bets], skips

    def refusal(
        self, slip: SlipModel, markets: Sequence[MarketId], base_s: int, now_s: int, capacity: int
    ) -> SkipReason | None:
        """Why a slip is left out, in the order in which reasons are looked for."""
        return (
            self._refused_terms(slip, markets, base_s, now_s)
            or self._refused_account(slip, base_s)
            or self._refused_risk(slip.record, markets, capacity)
            or (None if slip.is_signed else SkipReason.SIGNATURE_INVALID)
        )

    def _refused_terms(
        self, slip: SlipModel, markets: Sequence[MarketId], base_s: int, now_s: int
    ) -> SkipReason | None:
        record = slip.record
        accepted_at_s = base_s + record.accepted_after_s
        if not now_s - RECEIPT_WINDOW_S <= accepted_at_s <= now_s:
            return SkipReason.ACCEPTANCE_OUTSIDE_WINDOW
        if record.accepted_after_s > slip.deadline_after_s:
            return SkipReason.SLIP_EXPIRED
        if not 0 < record.stake_micro <= MAX_MICRO:
            return SkipReason.STAKE_INVALID
        if not 0 < len(record.legs) <= MAX_LEGS:
            return SkipReason.LEGS_INVALID
        product = one = 1
        for leg in record.legs:
            if leg.market >= len(markets):
                return SkipReason.MARKET_UNKNOWN
            market = markets[leg.market]
            if leg.outcome >= len(market.outcomes):
                return SkipReason.MARKET_UNKNOWN
            if not market.in_play and accepted_at_s >= market.starts_at_s:
                return SkipReason.MARKET_CLOSED
            if leg.odds_e4 <= 10_000:
                return SkipReason.ODDS_INVALID
            product *= leg.odds_e4
            one *= 10_000
            if record.stake_micro * product // one > MAX_MICRO:
                return SkipReason.PAYOUT_TOO_LARGE
        if product * 10_000 < slip.min_odds_e4 * one:
            return SkipReason.ODDS_BELOW_MINIMUM
        return None

    def _refused_account(self, slip: SlipModel, base_s: int) -> SkipReason | None:
        record = slip.record
        account = self.accounts.get(record.account)
        if account is None:
            return SkipReason.ACCOUNT_UNKNOWN
        if not account.is_usable(record.nonce):
            return SkipReason.NONCE_USED
        if account.balance < record.stake_micro:
            return SkipReason.BALANCE_INSUFFICIENT
        accepted_at_s = base_s + record.accepted_after_s
        if account.excluded_from_s <= accepted_at_s < account.excluded_until_s:
            return SkipReason.EXCLUDED
        return None

    def _refused_risk(
        self, record: BetRecord, markets: Sequence[MarketId], capacity: int
    ) -> SkipReason | None:
        if len(record.legs) > 1:
            risk = record.payout_max_micro - record.stake_micro
            if self.locked + risk > capacity:
                return SkipReason.EXPOSURE_EXCEEDED
            return SkipReason.CAP_EXCEEDED if risk > self.market_cap else None
        market = markets[record.legs[0].market]
        before, after = self._locks(record, market)
        if self.locked - before + after > capacity:
            return SkipReason.EXPOSURE_EXCEEDED
        of_fixture = self.fixtures.get(market.fixture, 0) - before + after
        if after > self.market_cap or of_fixture > self.fixture_cap:
            return SkipReason.CAP_EXCEEDED
        return None

    def _locks(self, record: BetRecord, market: MarketId) -> tuple[int, int]:
        """What a market locks before and with a bet."""
        exposure = self.exposures.get(market, (0, 0, 0, 0))
        return locks(market, exposure), locks(market, added(exposure, record, 1))

    def _take(self, record: BetRecord, markets: Sequence[MarketId]) -> None:
        if len(record.legs) > 1:
            self.locked += record.payout_max_micro - record.stake_micro
            return
        market = markets[record.legs[0].market]
        before, after = self._locks(record, market)
        self.exposures[market] = added(self.exposures.get(market, (0, 0, 0, 0)), record, 1)
        self.locked += after - before
        self.fixtures[market.fixture] = self.fixtures.get(market.fixture, 0) + after - before

    # -- Settling

    def settle(self, number: int, first: int, bets: int, now_s: int) -> tuple[int, dict[int, int]]:
        """Bits of the bets that a run settles, and the payouts of those that are paid."""
        settled, paid = 0, {}
        for place in range(first, first + bets):
            bet = self.batches[number][place]
            if bet.is_settled:
                continue
            legs = []
            for market, leg in zip(bet.markets, bet.record.legs, strict=True):
                earned = self.earned(market, leg.outcome, bet.accepted_at_s, now_s)
                if earned is None:
                    break
                legs.append((leg.odds_e4, earned))
            if len(legs) < len(bet.markets):
                continue
            bet.is_settled = True
            settled |= 1 << place
            self._give_back(bet)
            amount = payout(bet.record.stake_micro, legs)
            if amount:
                paid[place] = amount
                self.accounts[bet.record.account].balance += amount
                self.pool -= amount
        return settled, paid

    def earned(
        self, market: MarketId, outcome: int, accepted_at_s: int, now_s: int
    ) -> Earned | None:
        """What a leg earns; None while it is not decided."""
        result = self.results.get(market.fixture)
        void_from_s = market.starts_at_s + VOID_AFTER_S
        if result is None:
            return BACK if now_s > void_from_s else None
        if result.published_at_s > void_from_s:
            return BACK
        if now_s < result.final_at_s:
            return None
        if result.settled_at_s < (accepted_at_s if market.in_play else market.starts_at_s):
            return BACK
        if market.kind is Kind.PROPOSITION:
            if result.status != FRACTION:
                return BACK
            return proposition_earns(*result.score[:3])[outcome]
        return market_earns(market, result.status, result.score)[outcome]

    # -- Cashing out

    def cash_out(
        self, number: int, place: int, stake_micro: int, price_micro: int, following: int
    ) -> str | None:
        """End a bet, or the part of it that staked `stake_micro`; what is left is bet 0 of the
        batch `following`. The error when it is refused, and nothing has changed."""
        bet = self.batches[number][place]
        if bet.is_settled:
            return "BetNotOpen"
        if not 0 < stake_micro <= bet.record.stake_micro:
            return "CashOutStakeInvalid"
        if price_micro > replace(bet.record, stake_micro=stake_micro).payout_max_micro:
            return "CashOutTooHigh"
        rest = replace(bet.record, stake_micro=bet.record.stake_micro - stake_micro)
        if len(rest.legs) > 1:
            change = rest.payout_max_micro - bet.record.payout_max_micro + stake_micro
        else:
            market = bet.markets[0]
            exposure = added(added(self.exposures[market], bet.record, -1), rest, 1)
            change = locks(market, exposure) - locks(market, self.exposures[market])
        bound = self.open_stakes - stake_micro + self.locked + change + price_micro
        if self.pool < bound:
            return "BankrollLocked"
        if len(rest.legs) == 1:
            self.exposures[market] = exposure
            of_fixture = self.fixtures.get(market.fixture, 0) + change
            self.fixtures[market.fixture] = max(0, of_fixture)
        self.locked += change
        self.open_stakes -= stake_micro
        self.pool -= price_micro
        self.accounts[rest.account].balance += price_micro
        bet.is_settled = True
        if rest.stake_micro:
            self.batches[following] = [replace(bet, record=rest, is_settled=False)]
        return None

    def _give_back(self, bet: Bet) -> None:
        record = bet.record
        self.open_stakes -= record.stake_micro
        if len(record.legs) > 1:
            self.locked -= record.payout_max_micro - record.stake_micro
            return
        market = bet.markets[0]
        exposure = self.exposures[market]
        rest = added(exposure, record, -1)
        self.exposures[market] = rest
        self.locked += locks(market, rest) - locks(market, exposure)


def added(
    exposure: tuple[int, int, int, int], record: BetRecord, sign: int
) -> tuple[int, int, int, int]:
    """A market's payouts and stakes with one bet more or less. What has no place of its own among
    three outcomes stands at the first."""
    outcome = record.legs[0].outcome
    payouts = list(exposure[:3])
    payouts[outcome if outcome < 3 else 0] += sign * record.payout_max_micro
    a, b, c = payouts
    return a, b, c, exposure[3] + sign * record.stake_micro


def locks(market: MarketId, exposure: tuple[int, int, int, int]) -> int:
    """The most that a market can owe beyond its stakes. In play, and with many outcomes, every bet
    counts alone; two outcomes of a double chance win together."""
    payouts, stakes = exposure[:3], exposure[3]
    worst: Callable[[Sequence[int]], int] = max
    if market.in_play or market.kind in WIDE_KINDS:
        worst = sum
    elif market.kind is Kind.DOUBLE_CHANCE:
        owed = max(sum(payouts) - one for one in payouts)
        return max(0, owed - stakes)
    return max(0, worst(payouts) - stakes)
