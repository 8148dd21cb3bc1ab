"""The whole book in plain Python: the ledger of bets of `model.py`, and money that comes and goes.

What a call must do to the book is worked out here from the words of the interfaces; each method
says with which error the contract must refuse it, or does it. The state machine holds the contract
against this.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from indexer.market_id import MarketId
from indexer.packed import BetRecord, Skip
from tests.contracts.model import AccountModel, Bet, Model, ResultModel, SlipModel, added, locks
from tests.contracts.oracle import Score, payout
from tests.contracts.world import BOND_MICRO, DISPUTE_WINDOW_S, EXIT_DELAY_S, NO_CAP

WINDOWS = 3
SEQUENCES = 128


@dataclass
class Exit:
    """What an owner announced to take out; nothing when `amount` is 0."""

    amount: int = 0
    unlocks_at_s: int = 0


class Shadow(Model):
    """The sportsbook, its results and its bankroll."""

    def __init__(self, pool: int, batch_count: int = 0) -> None:
        super().__init__(pool)
        self.batch_count = batch_count
        self.paused = False
        self.exits: dict[int, Exit] = {}
        self.sequences: dict[int, int] = {}
        self.quoted: dict[bytes, int] = {}
        self.disputes: dict[bytes, str] = {}
        self.owners: dict[int, str] = {}
        # What has gone out to an address, less what it paid in as a bond.
        self.pockets: Counter[str] = Counter()

    # -- Accounts

    def open(self, account: int, owner: str, balance: int) -> None:
        self.owners[account] = owner
        self.accounts[account] = AccountModel(balance)
        self.exits[account] = Exit()
        self.sequences[account] = 0

    def deposit(self, account: int, amount: int, now_s: int) -> str | None:
        held = self.accounts[account]
        if amount == 0:
            return "AmountZero"
        if now_s < held.excluded_until_s:
            return "AccountExcluded"
        held.balance += amount
        return None

    def withdraw(
        self, account: int, amount: int, deadline_s: int, sequence: int, now_s: int
    ) -> str | None:
        held = self.accounts[account]
        if now_s > deadline_s:
            return "WithdrawalExpired"
        if sequence != self.sequences[account]:
            return "WithdrawalUnsigned"
        if amount == 0:
            return "AmountZero"
        if amount > held.balance:
            return "BalanceInsufficient"
        held.balance -= amount
        self.sequences[account] = (sequence + 1) % SEQUENCES
        self.pockets[self.owners[account]] += amount
        return None

    def request_exit(self, account: int, amount: int, now_s: int) -> None:
        self.exits[account] = Exit(amount, now_s + EXIT_DELAY_S if amount else 0)

    def exit(self, account: int, now_s: int) -> str | None:
        asked, held = self.exits[account], self.accounts[account]
        if asked.amount == 0:
            return "ExitUnknown"
        if now_s < asked.unlocks_at_s:
            return "ExitLocked"
        self.exits[account] = Exit()
        amount = min(asked.amount, held.balance)
        held.balance -= amount
        self.pockets[self.owners[account]] += amount
        return None

    def exclude(self, account: int, until_s: int, now_s: int) -> str | None:
        held = self.accounts[account]
        if until_s <= max(held.excluded_until_s, now_s):
            return "ExclusionShorter"
        if now_s >= held.excluded_until_s:
            held.excluded_from_s = now_s
        held.excluded_until_s = until_s
        return None

    # -- Bets

    def place_batch(
        self, markets: Sequence[MarketId], base_s: int, slips: Sequence[SlipModel], now_s: int
    ) -> tuple[list[BetRecord], list[Skip]]:
        """Bets and skipped slips of the batch `batch_count`."""
        self.batch_count += 1
        return self.place(self.batch_count, markets, base_s, slips, now_s)

    def refuses_one(
        self, markets: Sequence[MarketId], base_s: int, slip: SlipModel, now_s: int, *, capped: bool
    ) -> int | None:
        """Why a slip that comes alone is refused; receipts count above all caps."""
        kept = self.market_cap, self.fixture_cap
        if not capped:
            self.market_cap = self.fixture_cap = NO_CAP
        room = max(0, self.pool - self.open_stakes)
        reason = self.refusal(slip, markets, base_s, now_s, room)
        self.market_cap, self.fixture_cap = kept
        return reason

    def enforce(
        self, markets: Sequence[MarketId], base_s: int, slip: SlipModel, now_s: int
    ) -> str | None:
        """When nothing speaks against it, the slip is bet 0 of the batch `batch_count`."""
        if self.refuses_one(markets, base_s, slip, now_s, capped=False) is not None:
            return "SlipRefused"
        kept = self.market_cap, self.fixture_cap
        self.market_cap = self.fixture_cap = NO_CAP
        self.place_batch(markets, base_s, [slip], now_s)
        self.market_cap, self.fixture_cap = kept
        return None

    def place_quoted(
        self,
        markets: Sequence[MarketId],
        slip: SlipModel,
        now_s: int,
        *,
        quote: bytes,
        for_account: int,
        nonce: int,
        max_stake: int,
        deadline_s: int,
    ) -> str | None:
        """`quote` is its hash; `for_account` and `nonce` whom it is for."""
        record = slip.record
        if self.paused:
            return "PlacingIsPaused"
        if now_s > deadline_s:
            return "QuoteExpired"
        if self.refuses_one(markets, now_s, slip, now_s, capped=True) is not None:
            return "SlipRefused"
        used = record.stake_micro
        if for_account == 0:
            used += self.quoted.get(quote, 0)
        elif (record.account, record.nonce) != (for_account, nonce):
            return "QuoteForAnother"
        if used > max_stake:
            return "QuoteUsed"
        if for_account == 0:
            self.quoted[quote] = used
        self.place_batch(markets, now_s, [slip], now_s)
        return None

    def cash_out(
        self, number: int, place: int, stake: int, price: int, deadline_s: int, now_s: int
    ) -> str | None:
        """What is left of the bet, if anything, is bet 0 of the batch `batch_count`."""
        bet = self.batches[number][place]
        if bet.is_settled:
            return "BetNotOpen"
        if now_s > deadline_s:
            return "CashOutExpired"
        if not 0 < stake <= bet.record.stake_micro:
            return "CashOutStakeInvalid"
        if price > replace(bet.record, stake_micro=stake).payout_max_micro:
            return "CashOutTooHigh"
        rest = replace(bet.record, stake_micro=bet.record.stake_micro - stake)
        change = self._change_of(bet, rest)
        if self.pool < self.open_stakes - stake + self.locked + change + price:
            return "BankrollLocked"
        self._reduce(bet, rest, change)
        self.open_stakes -= stake
        self.pool -= price
        self.accounts[rest.account].balance += price
        bet.is_settled = True
        if rest.stake_micro:
            self.batch_count += 1
            self.batches[self.batch_count] = [replace(bet, record=rest, is_settled=False)]
        return None

    def _change_of(self, bet: Bet, rest: BetRecord) -> int:
        """What the house has to hold more when the rest is all that is left of a bet."""
        if len(rest.legs) > 1:
            was = bet.record.payout_max_micro - bet.record.stake_micro
            return rest.payout_max_micro - rest.stake_micro - was
        (market,) = bet.markets
        return locks(market, self._exposure_with(bet, rest)) - locks(market, self.exposures[market])

    def _exposure_with(self, bet: Bet, rest: BetRecord) -> tuple[int, int, int, int]:
        return added(added(self.exposures[bet.markets[0]], bet.record, -1), rest, 1)

    def _reduce(self, bet: Bet, rest: BetRecord, change: int) -> None:
        self.locked += change
        if len(rest.legs) == 1:
            (market,) = bet.markets
            self.exposures[market] = self._exposure_with(bet, rest)
            self.fixtures[market.fixture] = max(0, self.fixtures[market.fixture] + change)

    # -- Results

    def publish(
        self, fixture: bytes, status: int, goals: Score, settled_s: int, now_s: int
    ) -> str | None:
        if fixture in self.results:
            return "ResultExists"
        final_at_s = now_s + DISPUTE_WINDOW_S
        self.results[fixture] = ResultModel(status, goals, settled_s, now_s, final_at_s)
        return None

    def _final(self, fixture: bytes, now_s: int) -> str | None:
        if fixture not in self.results:
            return "ResultUnknown"
        return "ResultFinal" if now_s >= self.results[fixture].final_at_s else None

    def dispute(self, fixture: bytes, by: str, now_s: int) -> str | None:
        error = self._final(fixture, now_s)
        if error or fixture in self.disputes:
            return error or "DisputeExists"
        result = self.results[fixture]
        result.final_at_s = result.published_at_s + WINDOWS * DISPUTE_WINDOW_S
        self.disputes[fixture] = by
        self.pockets[by] -= BOND_MICRO
        return None

    def rule(
        self, fixture: bytes, status: int, goals: Score, settled_s: int, now_s: int
    ) -> str | None:
        """A bond goes back when the result changed, else to the house."""
        error = self._final(fixture, now_s)
        if error:
            return error
        held = self.results[fixture]
        is_changed = (held.status, held.score, held.settled_at_s) != (status, goals, settled_s)
        last_s = held.published_at_s + WINDOWS * DISPUTE_WINDOW_S
        self.results[fixture] = ResultModel(
            status, goals, settled_s, held.published_at_s, min(last_s, now_s + DISPUTE_WINDOW_S)
        )
        if fixture in self.disputes:
            by = self.disputes.pop(fixture)
            if is_changed:
                self.pockets[by] += BOND_MICRO
            else:
                self.pool += BOND_MICRO
        return None

    def close_dispute(self, fixture: bytes, now_s: int) -> str | None:
        if fixture not in self.disputes:
            return "DisputeUnknown"
        if now_s < self.results[fixture].final_at_s:
            return "DisputeOpen"
        self.pockets[self.disputes.pop(fixture)] += BOND_MICRO
        return None

    # -- The house

    def provide(self, amount: int) -> str | None:
        self.pool += amount
        return None

    def take(self, amount: int, most: int) -> str | None:
        """`most` is what the shares of the provider are worth."""
        if amount > most:
            return "ERC4626ExceededMaxWithdraw"
        self.pool -= amount
        return None

    @property
    def free(self) -> int:
        """What providers can take out."""
        return max(0, self.pool - self.open_stakes - self.locked)

    @property
    def held(self) -> int:
        """All tokens that the sportsbook must have, to the unit."""
        return sum(account.balance for account in self.accounts.values()) + self.pool

    def owed(self, now_s: int) -> int:
        """The most that open bets can still be paid, whatever the results that are to come."""
        owed = 0
        exposures: dict[MarketId, tuple[int, int, int, int]] = {}
        for bets in self.batches.values():
            for bet in bets:
                if bet.is_settled:
                    continue
                earned = [
                    self.earned(market, leg.outcome, bet.accepted_at_s, now_s)
                    for market, leg in zip(bet.markets, bet.record.legs, strict=True)
                ]
                known = [one for one in earned if one is not None]
                if len(known) == len(earned):
                    odds = [leg.odds_e4 for leg in bet.record.legs]
                    owed += payout(bet.record.stake_micro, zip(odds, known, strict=True))
                elif len(earned) > 1:
                    owed += bet.record.payout_max_micro
                else:
                    (market,) = bet.markets
                    before = exposures.get(market, (0, 0, 0, 0))
                    exposures[market] = added(before, bet.record, 1)
        return owed + sum(locks(m, sums) + sums[3] for m, sums in exposures.items())
