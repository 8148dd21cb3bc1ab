"""A long life of the book, in any order, against a ledger in Python.

Each life is a seeded walk over the rules, so that a failure is repeated by its number. STEPS and
LIVES in the environment make it longer. (Hypothesis spends most of its runs on lives of a step or
two, in which nothing can go wrong.)

Rules: deposit, place (singles, accumulators, hostile slips), publish, settle, withdraw, exit, the
bankroll's deposits and withdrawals, time.
Invariants, numbered as in ARCHITECTURE.md:
1 solvent: tokens held are at least all balances, open stakes and the locked bankroll
2 a balance is what its owner's deposits, withdrawals, slips and settled bets make it
3 a bet settles at most once and pays what the rules say, rounded down
9 no balance is below zero
"""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import dataclass, field

import pytest
from brownie import accounts, network

from backend.settlement.payout import WIN, PublishedResult, Score, leg_fraction, payout_down
from indexer.market_id import Kind, MarketId, fixture_id
from indexer.packed import PlacedBatch, SkipReason
from tests.contracts.world import (
    DISPUTE_WINDOW_S,
    EXIT_DELAY_S,
    UNIT,
    VOID_AFTER_S,
    Bettor,
    Pick,
    World,
    payouts,
    placed,
    reverts,
    run,
    score,
    settled_bets,
)

FIXTURES = 3
BETTORS = 3
KINDS = (
    (Kind.MATCH_RESULT, 0),
    (Kind.DOUBLE_CHANCE, 0),
    (Kind.TOTAL_GOALS, 9),
    (Kind.ASIAN_HANDICAP, -1),
)


@dataclass
class Bet:
    """A bet as the ledger remembers it."""

    bettor: int
    stake_micro: int
    picks: tuple[Pick, ...]
    accepted_at_s: int


@dataclass
class Batch:
    number: int
    batch: PlacedBatch
    bets: list[Bet]
    settled: set[int] = field(default_factory=set)


class Book:
    """The machine: what the chain holds must be what the ledger says."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.random = random.Random(seed)
        self.done: Counter[str] = Counter()
        self.names: list[str] = []
        self.starts: list[int] = []
        self.results: dict[int, PublishedResult] = {}
        self.bettors: list[Bettor] = [world.open_account(10 + i) for i in range(BETTORS)]
        self.balances = [world.balance(bettor) for bettor in self.bettors]
        self.nonces = [0] * BETTORS
        self.sequences = [0] * BETTORS
        self.exits: dict[int, tuple[int, int]] = {}
        self.pool = world.book()["pool_micro"]
        self.batches: list[Batch] = []

    def _amount(self) -> int:
        return self.random.choice((1, 7, 1_000_003, UNIT, 40 * UNIT, 400 * UNIT))

    def _open(self) -> list[int]:
        """Fixtures that have not started; there are always three."""
        now_s = self.world.now()
        found = [i for i, start in enumerate(self.starts) if start > now_s]
        while len(found) < FIXTURES:
            found.append(len(self.starts))
            self.names.append(f"Home {len(self.starts)} v Away, 2025-05-25")
            self.starts.append(now_s + self.random.randrange(1_800, 9_000))
        return found

    # -- Money

    def rule_deposit(self) -> None:
        who = self.random.randrange(BETTORS)
        amount = self._amount()
        bettor = self.bettors[who]
        self.world.sportsbook.depositFor(bettor.address, amount, {"from": self.world.owner})
        self.balances[who] += amount

    def rule_withdraw(self) -> None:
        who = self.random.randrange(BETTORS)
        amount = self._amount()
        bettor, owner = self.bettors[who], accounts.at(self.bettors[who].address)
        deadline_s = self.world.now() + 3_600
        consent = self.world.countersign(bettor, amount, deadline_s, self.sequences[who])
        arguments = (bettor.account, amount, deadline_s, consent, {"from": owner})
        if amount > self.balances[who]:
            with reverts("BalanceInsufficient"):
                self.world.sportsbook.withdraw(*arguments)
            return
        self.world.sportsbook.withdraw(*arguments)
        self.balances[who] -= amount
        self.sequences[who] += 1

    def rule_exit(self) -> None:
        """Announce, or take what was announced when its time has come."""
        who = self.random.randrange(BETTORS)
        amount = self._amount()
        owner = accounts.at(self.bettors[who].address)
        if who not in self.exits:
            asked = self.world.sportsbook.requestExit(amount, {"from": owner})
            self.exits[who] = (amount, asked.timestamp + EXIT_DELAY_S)
            return
        amount, unlocks_at_s = self.exits[who]
        if self.world.now() < unlocks_at_s - 5:
            with reverts("ExitLocked", unlocks_at_s):
                self.world.sportsbook.exit({"from": owner})
            return
        self.world.travel_to(max(unlocks_at_s, self.world.now()))
        self.world.sportsbook.exit({"from": owner})
        self.balances[who] -= min(amount, self.balances[who])
        del self.exits[who]

    def rule_provide(self) -> None:
        amount = self._amount()
        self.world.bankroll.deposit(amount, self.world.owner, {"from": self.world.owner})
        self.pool += amount

    def rule_take_bankroll(self) -> None:
        """Providers leave with half or all of what is free: what stays must do for the bets."""
        choice = self.random.getrandbits(64)
        free = self.world.bankroll.maxWithdraw(self.world.owner)
        if choice % 4:
            free //= 2
        if free:
            by = {"from": self.world.owner}
            self.world.bankroll.withdraw(free, self.world.owner, self.world.owner, by)
            self.pool -= free

    # -- Bets

    def rule_place(self) -> None:
        """One to five slips; some forged, some on a match that has begun, some too large."""
        draw = self.random
        fixtures = self._open()
        if draw.random() < 0.15:
            fixtures = list(range(len(self.starts)))
        now_s = self.world.now()
        bets, slips = [], []
        for _ in range(draw.randint(1, 5)):
            who = draw.randrange(BETTORS)
            stake = self._amount()
            chosen = draw.sample(fixtures, draw.choice((1, 1, 2, 3)))
            picks = tuple(self._pick(fixture) for fixture in chosen)
            self.nonces[who] += 1
            bets.append(Bet(who, stake, picks, now_s))
            slips.append(
                self.world.sign(
                    self.bettors[who],
                    *picks,
                    stake_micro=stake,
                    accepted_at_s=now_s,
                    nonce=self.nonces[who],
                    min_odds_e4=0,
                    key_=b"\7" * 32 if draw.random() < 0.1 else None,
                )
            )
        sent = self.world.pack(*slips)
        number, batch = placed(
            self.world.sportsbook.placeBatch(sent, {"from": self.world.operator})
        )
        kept = {(r.account, r.nonce) for r in batch.records}
        skipped = {(s.account, s.nonce): s.reason for s in batch.skips}
        taken = []
        for bet, signed in zip(bets, slips, strict=True):
            whose = (signed.slip.account, signed.slip.nonce)
            reason = skipped.get(whose)
            assert (whose in kept) != (reason is not None)
            if reason is None:
                self.balances[bet.bettor] -= bet.stake_micro
                self.pool += bet.stake_micro
                taken.append(bet)
            started = any(now_s >= p.market.starts_at_s for p in bet.picks)
            assert not started or reason is SkipReason.MARKET_CLOSED
        if taken:
            self.batches.append(Batch(number, batch, taken))

    def _pick(self, fixture: int) -> Pick:
        kind, line_q = self.random.choice(KINDS)
        market = self.world.market(
            kind, line_q, starts_at_s=self.starts[fixture], name=self.names[fixture]
        )
        outcome = self.random.randrange(len(market.outcomes))
        return Pick(market, outcome, self.random.randint(10_001, 60_000), self.names[fixture])

    # -- The course of things

    def rule_publish(self) -> None:
        """A match is over; one in eight was not played."""
        waiting = [i for i in range(len(self.starts)) if i not in self.results]
        if not waiting:
            return
        fixture = waiting[0]
        over_s = self.starts[fixture] + 7_200
        if self.world.now() < over_s:
            self.world.travel_to(over_s)
        name, status = self.names[fixture], 2 if self.random.random() < 0.125 else 1
        home, away = self.random.randrange(4), self.random.randrange(4)
        self.world.publish(score(home, away, over_s - 200, name=name, status=status))
        held = self.world.results.resultOf(fixture_id(name))
        goals = Score(0, 0, home, away) if status == 1 else None
        self.results[fixture] = PublishedResult(goals, held[5], held[6], held[7])

    def rule_time(self) -> None:
        choice = self.random.getrandbits(64)
        steps = (DISPUTE_WINDOW_S, EXIT_DELAY_S, 3_600)
        self.world.travel_to(self.world.now() + steps[choice % 3])

    def rule_settle(self) -> None:
        """A run of any batch, decided or not, settled before or not."""
        choice = self.random.getrandbits(64)
        if not self.batches:
            return
        batch = self.batches[choice % len(self.batches)]
        width = len(batch.bets)
        first = (choice >> 8) % width
        bets = 1 + (choice >> 16) % (width - first)
        now_s = self.world.now()
        due = {i: self._payout(batch.bets[i], now_s) for i in range(first, first + bets)}
        due = {i: paid for i, paid in due.items() if paid is not None and i not in batch.settled}
        made = [run(batch.number, batch.batch, first, bets)]
        if not due:
            with reverts("NothingToSettle"):
                self.world.sportsbook.settle(made, {"from": self.world.owner})
            return
        tx = self.world.sportsbook.settle(made, {"from": self.world.owner})
        assert settled_bets(tx) == sorted(due)
        assert payouts(tx) == {i: paid for i, paid in due.items() if paid}
        for i, paid in due.items():
            self.balances[batch.bets[i].bettor] += paid
            self.pool -= paid
        batch.settled |= due.keys()

    def _payout(self, bet: Bet, now_s: int) -> int | None:
        legs = []
        for pick in bet.picks:
            result = self.results.get(self.names.index(pick.name))
            # Seconds around the end of a window would be a matter of luck.
            assert result is None or abs(now_s - result.final_at_s) > 0
            earned = leg_fraction(
                pick.market, pick.outcome, bet.accepted_at_s, result, now_s, VOID_AFTER_S
            )
            if earned is None:
                return None
            legs.append((pick.odds_e4, earned))
        return payout_down(bet.stake_micro, legs)

    # -- What always holds

    def invariant_solvent(self) -> None:
        book = self.world.book()
        held = self.world.token.balanceOf(self.world.sportsbook)
        assert held == sum(self.balances) + self.pool
        assert book["pool_micro"] == self.pool
        open_bets = [(b, i) for b in self.batches for i in range(len(b.bets)) if i not in b.settled]
        open_stakes = sum(b.bets[i].stake_micro for b, i in open_bets)
        assert book["open_stakes_micro"] == open_stakes
        assert book["locked_micro"] == self._locked([b.bets[i] for b, i in open_bets])

    def _locked(self, bets: list[Bet]) -> int:
        """The worst case, market by market, and accumulators in full."""
        locked = 0
        owed: dict[MarketId, list[int]] = {}
        stakes: Counter[MarketId] = Counter()
        for bet in bets:
            payout = payout_down(bet.stake_micro, [(p.odds_e4, WIN) for p in bet.picks])
            if len(bet.picks) > 1:
                locked += payout - bet.stake_micro
                continue
            (pick,) = bet.picks
            owed.setdefault(pick.market, [0, 0, 0])[pick.outcome] += payout
            stakes[pick.market] += bet.stake_micro
        for market, lanes in owed.items():
            double = market.kind is Kind.DOUBLE_CHANCE
            worst = sum(lanes) - min(lanes) if double else max(lanes)
            locked += max(0, worst - stakes[market])
        return locked

    def invariant_balances(self) -> None:
        for bettor, balance in zip(self.bettors, self.balances, strict=True):
            assert balance >= 0
            assert self.world.balance(bettor) == balance

    def teardown(self) -> None:
        """All bets end: results for the rest, then everything is settled and everybody paid."""
        self.world.travel_to(max([self.world.now(), *self.starts]) + VOID_AFTER_S + 1)
        now_s = self.world.now()
        for batch in self.batches:
            left = [i for i in range(len(batch.bets)) if i not in batch.settled]
            if not left:
                continue
            tx = self.world.settle(batch.number, batch.batch)
            assert settled_bets(tx) == left
            for i in left:
                paid = self._payout(batch.bets[i], now_s)
                assert paid is not None
                assert payouts(tx).get(i, 0) == paid
                self.balances[batch.bets[i].bettor] += paid
                self.pool -= paid
            batch.settled |= set(left)
        self.invariant_solvent()
        self.invariant_balances()
        assert self.world.sportsbook.house() == self.pool


# Weights: a life is mostly bets, and time that passes.
RULES = {
    Book.rule_place: 8,
    Book.rule_settle: 8,
    Book.rule_publish: 2,
    Book.rule_time: 3,
    Book.rule_deposit: 2,
    Book.rule_withdraw: 2,
    Book.rule_exit: 2,
    Book.rule_provide: 1,
    Book.rule_take_bankroll: 1,
}


@pytest.mark.parametrize("seed", range(int(os.environ.get("LIVES", "3"))))
def test_book_keeps_its_promises(world, seed):
    slow = "ganache" in network.show_active()
    if slow and seed:
        pytest.skip("one life is enough on the slower chain")
    book = Book(world, seed)
    for _ in range(int(os.environ.get("STEPS", "30" if slow else "50"))):
        (rule,) = book.random.choices(list(RULES), list(RULES.values()))
        rule(book)
        book.done[rule.__name__] += 1
        book.invariant_solvent()
        book.invariant_balances()
    book.teardown()
    assert book.done["rule_place"] > 3
    assert sum(len(batch.settled) for batch in book.batches) > 3
