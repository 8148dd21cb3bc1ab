"""Keeps the sportsbook's ledger in plain Python: what placing and settling do to it.

Written from the text of ISportsbook, slip by slip and without the shortcuts that the contract
takes for plain slips and bets; the tests hold the contract against it. What is owed and locked is
not kept as sums, but computed from the open bets each time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from protocol.market_id import MarketId
from protocol.placed_event import Skip, SkipReason
from protocol.records import BetRecord
from tests.contracts.model_exposure import Exposure, added, is_gross, locks
from tests.contracts.model_results import is_outdated, leg_earns
from tests.contracts.model_terms import refused_terms
from tests.contracts.model_values import (
    Bet,
    BudgetExceeded,
    By,
    Capacity,
    KeyModel,
    ResultModel,
    SlipModel,
)
from tests.contracts.oracle import LOST, Earned, payout
from tests.contracts.restrictions import AccountModel
from tests.support.deployment import Limits
from tests.support.terms import CASH_OUT_AGE_S, NO_CAP


class Model:
    """The ledger. Amounts are micro-units."""

    def __init__(self, pool: int, limits: Limits | None = None) -> None:
        self.pool = pool
        self.limits = limits or Limits()
        self.accounts: dict[int, AccountModel] = {}
        self.exposures: dict[MarketId, Exposure] = {}
        self.fixtures: dict[bytes, int] = {}
        self.results: dict[bytes, ResultModel] = {}
        self.batches: dict[int, list[Bet]] = {}
        # What each outcome of a decided market earns, from its first settlement on.
        self.marked: dict[MarketId, tuple[Earned, ...]] = {}
        self.accumulators = 0
        # Account and nonce of a bet that the next slip replaces.
        self.replaced: tuple[int, int] | None = None

    # -- The book

    @property
    def owed(self) -> int:
        """Stakes of open bets, or what they pay on markets that are marked."""
        stakes = sum(
            exposure[3] for market, exposure in self.exposures.items() if market not in self.marked
        )
        stakes += sum(bet.record.stake_micro for bet in self.open_bets() if len(bet.markets) > 1)
        return stakes + sum(self._owed_on(market) for market in self.marked)

    @property
    def locked(self) -> int:
        """What open bets could cost above that."""
        return self.accumulators + sum(
            locks(market, exposure)
            for market, exposure in self.exposures.items()
            if market not in self.marked
        )

    @property
    def free(self) -> int:
        return self.pool - self.owed - self.locked

    @property
    def releasable(self) -> int:
        return max(0, self.free - self.limits.receipt_reserve_micro)

    def open_bets(self) -> Iterator[Bet]:
        for bets in self.batches.values():
            yield from (bet for bet in bets if not bet.is_settled)

    def _owed_on(self, market: MarketId) -> int:
        """What the open bets of a marked market are paid, rounded up once."""
        owed = Fraction(0)
        for bet in self.open_bets():
            if bet.markets == (market,):
                earned = self.marked[market][bet.record.legs[0].outcome]
                owed += bet.record.payout_max_micro * earned.win
                owed += bet.record.stake_micro * earned.refund
        return math.ceil(owed)

    def capacity(self, by: By, left: int = NO_CAP) -> Capacity:
        """What may be locked now: batches and quotes leave what receipts may need; `left` is
        that of an operator's budget."""
        house = self.pool - self.owed
        if by is By.RECEIPT:
            return Capacity(house)
        limits = self.limits
        house = max(0, house - limits.receipt_reserve_micro)
        if by is By.OPERATOR:
            house = min(house, self.locked + left)
        return Capacity(
            house, limits.market_cap_micro, limits.fixture_cap_micro, limits.accumulator_cap_micro
        )

    # -- Placing

    def place(
        self,
        number: int,
        markets: Sequence[MarketId],
        base_s: int,
        slips: Iterable[SlipModel],
        now_s: int,
        by: By = By.OPERATOR,
        key: KeyModel | None = None,
        capacity: Capacity | None = None,
    ) -> tuple[list[BetRecord], list[Skip]]:
        """The bets that come of a batch, and the slips that are left out. `key` is the operator's;
        `capacity` is what the batch began with, if these are not its first slips. Raises
        BudgetExceeded when the key cannot pay for all that is locked more, with half of the batch
        in the ledger."""
        capacity = capacity or self.capacity(by, key.left(now_s) if key else NO_CAP)
        before, accumulators = dict(self.fixtures), self.accumulators
        bets: list[Bet] = self.batches.setdefault(number, [])
        skips: list[Skip] = []
        stakes = 0
        for slip in slips:
            record = slip.record
            reason = self.refusal(slip, markets, base_s, now_s, by, capacity)
            if reason is not None:
                skips.append(Skip(record.account, record.nonce, reason))
                continue
            account = self.accounts[record.account]
            account.lift(now_s)
            account.use(record.nonce)
            account.balance -= record.stake_micro
            stakes += record.stake_micro
            on = tuple(markets[leg.market] for leg in record.legs)
            bet = Bet(record, base_s + record.accepted_after_s, on)
            self._take(bet)
            bets.append(bet)
        self.pool += stakes
        # What one fixture locks less pays for no other.
        raised = (
            self.accumulators
            - accumulators
            + sum(
                max(0, locked - before.get(fixture, 0)) for fixture, locked in self.fixtures.items()
            )
        )
        if key and raised:
            if raised > key.left(now_s):
                raise BudgetExceeded
            key.spend(raised, now_s)
        return [bet.record for bet in bets], skips

    def refusal(
        self,
        slip: SlipModel,
        markets: Sequence[MarketId],
        base_s: int,
        now_s: int,
        by: By,
        capacity: Capacity,
    ) -> SkipReason | None:
        """Why a slip is left out, in the order in which reasons are looked for."""
        return (
            refused_terms(slip, markets, self.results, base_s, now_s, by)
            or self._refused_account(slip, base_s, now_s)
            or self.refused_risk(slip.record, markets, capacity)
            or (None if slip.is_signed else SkipReason.SIGNATURE_INVALID)
        )

    def _refused_account(self, slip: SlipModel, base_s: int, now_s: int) -> SkipReason | None:
        record = slip.record
        account = self.accounts.get(record.account)
        if account is None:
            return SkipReason.ACCOUNT_UNKNOWN
        restricted = account.refusal(record.nonce, base_s + record.accepted_after_s)
        if restricted is not None:
            return restricted
        lifted = account.lifted(now_s)
        if self.replaced != (record.account, record.nonce):
            if lifted.is_used(record.nonce):
                return SkipReason.NONCE_USED
            if lifted.is_too_far(record.nonce):
                return SkipReason.NONCE_TOO_FAR
        if account.balance < record.stake_micro:
            return SkipReason.BALANCE_INSUFFICIENT
        return None

    def refused_risk(
        self, record: BetRecord, markets: Sequence[MarketId], capacity: Capacity
    ) -> SkipReason | None:
        """Whether the house may lock what a bet needs."""
        if len(record.legs) > 1:
            risk = record.payout_max_micro - record.stake_micro
            if self.locked + risk > capacity.all_micro:
                return SkipReason.EXPOSURE_EXCEEDED
            above = self.accumulators + risk > capacity.accumulators_micro
            return SkipReason.CAP_EXCEEDED if above or risk > capacity.market_micro else None
        market = markets[record.legs[0].market]
        before, after = self._locks(record, market)
        if self.locked - before + after > capacity.all_micro:
            return SkipReason.EXPOSURE_EXCEEDED
        of_fixture = self._fixture_after(market, after - before)
        if after > capacity.market_micro or of_fixture > capacity.fixture_micro:
            return SkipReason.CAP_EXCEEDED
        return None

    def _fixture_after(self, market: MarketId, change: int) -> int:
        """The fixture's sum, which settling does not follow: it may have less than what goes."""
        return max(0, self.fixtures.get(market.fixture, 0) + change)

    def _locks(self, record: BetRecord, market: MarketId) -> tuple[int, int]:
        """What a market locks before and with a bet."""
        assert market not in self.marked, "a market that is decided takes no bet"
        exposure = self.exposures.get(market, (0, 0, 0, 0))
        return locks(market, exposure), locks(market, added(exposure, record, 1))

    def _take(self, bet: Bet) -> None:
        if len(bet.markets) > 1:
            self.accumulators += bet.risk
            return
        market = bet.markets[0]
        before, after = self._locks(bet.record, market)
        self.exposures[market] = added(self.exposures.get(market, (0, 0, 0, 0)), bet.record, 1)
        self.fixtures[market.fixture] = self._fixture_after(market, after - before)

    # -- Settling

    def settle(self, number: int, first: int, bets: int, now_s: int) -> tuple[int, dict[int, int]]:
        """Bits of the bets that a run settles, and the payouts of those that are paid."""
        settled, paid = 0, {}
        for place in range(first, first + bets):
            bet = self.batches[number][place]
            if bet.is_settled or (paid_out := self._payout_of(bet, now_s)) is None:
                continue
            settled |= 1 << place
            self._give_back(bet, now_s)
            if paid_out:
                paid[place] = paid_out
                self.accounts[bet.record.account].balance += paid_out
                self.pool -= paid_out
        return settled, paid

    def _payout_of(self, bet: Bet, now_s: int) -> int | None:
        """What a bet pays; None while that is not certain. A lost leg makes it certain at once."""
        legs = [
            (leg.odds_e4, self._earned(market, leg.outcome, bet.accepted_at_s, now_s))
            for market, leg in zip(bet.markets, bet.record.legs, strict=True)
        ]
        if any(earned == LOST for _, earned in legs):
            return 0
        decided = [(odds_e4, earned) for odds_e4, earned in legs if earned is not None]
        return payout(bet.record.stake_micro, decided) if len(decided) == len(legs) else None

    def _earned(
        self, market: MarketId, outcome: int, accepted_at_s: int, now_s: int
    ) -> Earned | None:
        return leg_earns(self.results.get(market.fixture), market, outcome, accepted_at_s, now_s)

    def _give_back(self, bet: Bet, now_s: int) -> None:
        bet.is_settled = True
        if len(bet.markets) > 1:
            self.accumulators -= bet.risk
            return
        market = bet.markets[0]
        self.exposures[market] = added(self.exposures[market], bet.record, -1)
        if is_gross(market):
            return
        every = [self._earned(market, i, 0, now_s) for i in range(len(market.outcomes))]
        self.marked[market] = tuple(earned for earned in every if earned is not None)
        assert len(self.marked[market]) == len(every), "a market is decided as a whole"

    # -- Cashing out

    def cash_out(
        self,
        number: int,
        place: int,
        stake_micro: int,
        price_micro: int,
        following: int,
        *,
        key: KeyModel,
        offered_at_s: int,
        now_s: int,
    ) -> str | None:
        """End a bet, or the part of it that staked `stake_micro`; what is left is bet 0 of the
        batch `following`. The error when it is refused, and nothing has changed."""
        bet = self.batches[number][place]
        if bet.is_settled:
            return "BetNotOpen"
        if now_s < bet.accepted_at_s + CASH_OUT_AGE_S:
            return "CashOutTooEarly"
        if any(
            is_outdated(self.results.get(market.fixture), bet, market, offered_at_s, now_s)
            for market in bet.markets
        ):
            return "CashOutOutdated"
        if not 0 < stake_micro <= bet.record.stake_micro:
            return "CashOutStakeInvalid"
        if price_micro > replace(bet.record, stake_micro=stake_micro).payout_max_micro:
            return "CashOutTooHigh"
        if now_s >= key.until_s:
            return "CashOutUnsigned"
        if price_micro > key.left(now_s):
            return "BudgetExceeded"
        kept = min(self.limits.receipt_reserve_micro, self.free)
        remaining = self._end(bet, stake_micro, price_micro, kept)
        if remaining is None:
            return "BankrollLocked"
        key.spend(price_micro, now_s)
        if remaining.record.stake_micro:
            self.batches[following] = [remaining]
        return None

    def take_back(self, number: int, place: int) -> str | None:
        """End a bet that a receipt replaces, and return its stake; the slip that follows is checked
        against what is free. On a marked market nothing changes: no receipt is as old as its
        result. The error when it is refused."""
        bet = self.batches[number][place]
        if bet.is_settled:
            return "BetNotOpen"
        self.replaced = (bet.record.account, bet.record.nonce)
        if bet.markets[0] in self.marked:
            return None
        stake_micro = bet.record.stake_micro
        self._end(bet, stake_micro, stake_micro, kept=None)
        return None

    def _end(self, bet: Bet, stake_micro: int, price_micro: int, kept: int | None) -> Bet | None:
        """End the part of a bet that staked `stake_micro`, and pay the price for it; what remains
        of the bet. None, and nothing has changed, if less than `kept` would be free."""
        rest = replace(bet.record, stake_micro=bet.record.stake_micro - stake_micro)
        remaining = replace(bet, record=rest)
        change = remaining.risk - bet.risk
        market = bet.markets[0]
        if len(bet.markets) == 1:
            assert market not in self.marked, "a market that is decided ends no bet early"
            exposure = added(added(self.exposures[market], bet.record, -1), rest, 1)
            change = locks(market, exposure) - locks(market, self.exposures[market])
        needed = self.owed - stake_micro + self.locked + change + price_micro
        if kept is not None and self.pool < needed + kept:
            return None
        if len(bet.markets) == 1:
            self.exposures[market] = exposure
            self.fixtures[market.fixture] = self._fixture_after(market, change)
        else:
            self.accumulators += change
        self.pool -= price_micro
        self.accounts[rest.account].balance += price_micro
        bet.is_settled = True
        return remaining
