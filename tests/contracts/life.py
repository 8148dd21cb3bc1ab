"""A house that is played with by dice: every action is sent to the chain and told to the shadow
ledger, which says beforehand whether the contract must refuse it and with which error.

Owns the sending, the money, and what must hold at all times. Must not decide by itself what an
action does to the book: `shadow.py` does.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

from brownie import accounts, chain, network
from eth_utils.crypto import keccak

from indexer.packed import PlacedBatch
from tests.contracts.shadow import Shadow
from tests.contracts.world import (
    BANKROLL_MICRO,
    BOND_MICRO,
    DEPOSIT_MICRO,
    EXIT_DELAY_S,
    NO_CAP,
    RECEIPT_WINDOW_S,
    UNIT,
    VOID_AFTER_S,
    Bettor,
    Signed,
    World,
    reverts,
    run,
)

# What is left of the bankroll: so little that its room is full at times.
HOUSE_MICRO = 5_000 * UNIT
BETTORS, MOST_BETTORS = 4, 7


def is_slow() -> bool:
    """Ganache, which also cannot promise the second at which a block is mined."""
    return "ganache" in network.show_active()


class Life:
    """The contracts and their shadow. Each action takes the dice that decide its details."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.book = world.sportsbook
        self.owner = {"from": world.owner}
        self.stranger = {"from": accounts[60]}
        self.disputer = accounts[20]
        self.now = world.now()
        self.done: Counter[str] = Counter()
        self.names: dict[bytes, str] = {}
        self.starts: dict[bytes, int] = {}
        self.batches: dict[int, PlacedBatch] = {}
        self.signed: list[Signed] = []
        self.players: dict[int, Bettor] = {}
        self.wallets: set[int] = set()
        world.bankroll.withdraw(BANKROLL_MICRO - HOUSE_MICRO, world.owner, world.owner, self.owner)
        world.token.mint(self.disputer, 10**4 * BOND_MICRO, self.owner)
        world.token.approve(world.results, 2**255, {"from": self.disputer})
        book = world.book()
        self.shadow = Shadow(book["pool_micro"], book["batch_count"])
        for number in range(BETTORS):
            self._join(world.open_account(10 + number))
        _, wallet = world.open_wallet(keccak(text="wallet"))
        self.wallets.add(wallet.account)
        self._join(wallet)
        self.pockets = {
            address: world.token.balanceOf(address)
            for address in (*self.shadow.owners.values(), self.disputer.address)
        }
        self.now = world.now()

    def _join(self, bettor: Bettor) -> None:
        self.players[bettor.account] = bettor
        self.shadow.open(bettor.account, bettor.address, DEPOSIT_MICRO)

    # -- Sending

    def wait(self, seconds: int) -> None:
        """The next transaction comes so much later."""
        self.now += seconds
        if is_slow():
            # Near a second at which something begins or ends, luck would decide.
            while any(abs(self.now - moment) < 5 for moment in self._moments()):
                self.now += 5

    def _moments(self) -> list[int]:
        shadow = self.shadow
        held = [(a.excluded_from_s, a.excluded_until_s) for a in shadow.accounts.values()]
        return [
            *self.starts.values(),
            *(start + VOID_AFTER_S for start in self.starts.values()),
            *(result.final_at_s for result in shadow.results.values()),
            *(exit_.unlocks_at_s for exit_ in shadow.exits.values()),
            *(moment for both in held for moment in both),
            *(s.accepted_at_s + RECEIPT_WINDOW_S for s in self.signed[-9:]),
        ]

    def send(self, name: str, call: Callable[[], Any], effect: Callable[[Shadow, int], Any]) -> Any:
        """Send what `effect` says is refused, with an error's name, or changes the shadow.
        Returns the transaction, or None when it was refused."""
        error = effect(copy.deepcopy(self.shadow), self.now)
        self.done[f"{name} {error or 'done'}"] += 1
        self.world.at(self.now)
        if error:
            with reverts(error):
                call()
            return None
        sent = call()
        assert is_slow() or sent.timestamp == self.now
        self.now = sent.timestamp
        assert not effect(self.shadow, self.now)
        return sent

    def _by(self, account: int) -> dict[str, Any]:
        return {"from": accounts.at(self.players[account].address)}

    def _amount(self, dice: Random, most: int) -> int:
        return dice.choice((0, 1, 7, UNIT, most // 3, most, most + 1, dice.randint(1, most + 1)))

    def _somebody(self, dice: Random) -> int:
        """An owner who sends transactions."""
        return dice.choice([a for a in self.players if a not in self.wallets])

    # -- Money

    def deposit(self, dice: Random) -> None:
        """For somebody who is there, or who comes."""
        amount = dice.choice((0, 1, UNIT, 300 * UNIT))
        if dice.random() < 0.2 and len(self.players) < MOST_BETTORS and amount:
            index = 10 + len(self.players)
            self.world.at(self.now)
            bettor = self.world.open_account(index)
            self._join(bettor)
            self.pockets[bettor.address] = self.world.token.balanceOf(bettor.address)
            self.done["deposit of somebody new"] += 1
            return
        account = dice.choice(list(self.players))
        owner = self.players[account].address
        self.send(
            "deposit",
            lambda: self.book.depositFor(owner, amount, self.owner),
            lambda shadow, now: shadow.deposit(account, amount, now),
        )

    def withdraw(self, dice: Random) -> None:
        account = self._somebody(dice)
        amount = self._amount(dice, self.shadow.accounts[account].balance)
        sequence = self.shadow.sequences[account]
        if dice.random() < 0.15:
            sequence = (sequence - 1) % 128
        deadline_s = self.now + dice.choice((-9, 0, 60, 60, 60))
        consent = self.world.countersign(self.players[account], amount, deadline_s, sequence)
        self.send(
            "withdraw",
            lambda: self.book.withdraw(account, amount, deadline_s, consent, self._by(account)),
            lambda shadow, now: shadow.withdraw(account, amount, deadline_s, sequence, now),
        )

    def request_exit(self, dice: Random) -> None:
        account = self._somebody(dice)
        amount = self._amount(dice, self.shadow.accounts[account].balance)
        self.send(
            "request exit",
            lambda: self.book.requestExit(amount, self._by(account)),
            lambda shadow, now: shadow.request_exit(account, amount, now),
        )

    def exit(self, dice: Random) -> None:
        """Somebody who announced it leaves: too early, to the second, or later."""
        asked = {a: e for a, e in self.shadow.exits.items() if e.amount}
        if not asked or dice.random() < 0.1:
            account = self._somebody(dice)
        else:
            account = dice.choice(list(asked))
            if dice.random() < 0.6:
                self.wait(max(0, asked[account].unlocks_at_s - self.now + dice.choice((-1, 0, 9))))
        self.send(
            "exit",
            lambda: self.book.exit(self._by(account)),
            lambda shadow, now: shadow.exit(account, now),
        )

    def exclude(self, dice: Random) -> None:
        account = self._somebody(dice)
        until_s = self.now + dice.choice((0, 1, 60, 60, 900))
        self.send(
            "exclude",
            lambda: self.book.excludeSelf(until_s, self._by(account)),
            lambda shadow, now: shadow.exclude(account, until_s, now),
        )

    def move_bankroll(self, dice: Random) -> None:
        """A provider comes, or leaves with some or all of what is free."""
        bankroll, owner = self.world.bankroll, self.world.owner
        if dice.random() < 0.5:
            amount = dice.choice((1, 700 * UNIT, 2_000 * UNIT))
            self.send(
                "provide",
                lambda: bankroll.deposit(amount, owner, self.owner),
                lambda shadow, now: shadow.provide(amount),
            )
            return
        most = bankroll.maxWithdraw(owner)
        assert most <= self.shadow.free
        amount = dice.choice((most // 3, most, most + 1))
        self.send(
            "take",
            lambda: bankroll.withdraw(amount, owner, owner, self.owner),
            lambda shadow, now: shadow.take(amount, most),
        )

    def set_terms(self, dice: Random) -> None:
        """Caps and the pause."""
        market, fixture = dice.choice(
            ((NO_CAP, NO_CAP), (300 * UNIT, NO_CAP), (NO_CAP, 400 * UNIT), (0, 0))
        )
        self.world.at(self.now)
        self.now = self.book.setCaps(market, fixture, self.owner).timestamp
        self.shadow.market_cap, self.shadow.fixture_cap = market, fixture
        self.shadow.paused = dice.random() < 0.2
        self.book.pausePlacing(self.shadow.paused, self.owner)
        self.now += 1

    # -- What always holds

    def check(self) -> None:
        """Invariants 1 to 4 of the design, and every number of the book."""
        shadow, book = self.shadow, self.world.book()
        numbers = (shadow.pool, shadow.open_stakes, shadow.locked, shadow.batch_count)
        assert tuple(book.values()) == (*numbers, shadow.paused)
        # 1: what is there is what is owed, to the unit, and open bets can be paid at their worst.
        assert self.world.token.balanceOf(self.book) == shadow.held
        assert shadow.owed(self.now) <= shadow.pool
        bonds = BOND_MICRO * len(shadow.disputes)
        assert self.world.token.balanceOf(self.world.results) == bonds
        # 2: a balance is what its owner's deposits, withdrawals, slips and settled bets make it.
        for account, held in shadow.accounts.items():
            numbers = (held.balance, held.nonce, held.window, shadow.sequences[account])
            assert self.book.accountAt(account) == (shadow.owners[account], *numbers)
        for address, before in self.pockets.items():
            assert self.world.token.balanceOf(address) == before + shadow.pockets[address]
        # 4: whoever announced it long enough ago can leave now, paused or not.
        for account, asked in shadow.exits.items():
            if asked.amount and asked.unlocks_at_s <= chain[-1].timestamp:
                free = min(asked.amount, shadow.accounts[account].balance)
                assert self.book.exit.call(self._by(account)) == free

    def check_exposures(self) -> None:
        """What is locked for every market and fixture there ever was."""
        for market, (*payouts, stakes) in self.shadow.exposures.items():
            found = self.book.exposureOf(int.from_bytes(market.pack(), "big"))
            assert found == (tuple(payouts), stakes)
        for fixture, locked in self.shadow.fixtures.items():
            assert self.book.lockedOf(fixture) == locked

    def end(self) -> None:
        """5: no stake is stuck. Nobody publishes any more, and yet every bet ends; then everybody
        takes all out, and nothing is left."""
        self.check_exposures()
        self.wait(max([self.now, *self.starts.values()]) + VOID_AFTER_S + 1 - self.now)
        for number, bets in self.shadow.batches.items():
            if all(bet.is_settled for bet in bets):
                continue
            self.world.at(self.now)
            made = [run(number, self.batches[number])]
            self.now = self.book.settle(made, self.stranger).timestamp
            self.shadow.settle(number, 0, len(bets), self.now)
            assert all(bet.is_settled for bet in bets)
        self.check()
        assert (self.shadow.open_stakes, self.shadow.locked) == (0, 0)
        assert not any(any(sums) for sums in self.shadow.exposures.values())
        self.check_exposures()
        for number in self.batches:
            assert int(str(self.book.batches(number)), 16) == 0
            assert self.book.settledBits(number) == 0
        self._leave()

    def _leave(self) -> None:
        owners = {a: h for a, h in self.shadow.accounts.items() if a not in self.wallets}
        for account, held in owners.items():
            if held.balance:
                self.world.at(self.now)
                asked = self.book.requestExit(held.balance, self._by(account))
                self.shadow.request_exit(account, held.balance, asked.timestamp)
                self.now = asked.timestamp + 1
        self.now += EXIT_DELAY_S + 9
        for account, held in owners.items():
            if held.balance:
                self.world.at(self.now)
                self.now = self.book.exit(self._by(account)).timestamp + 1
                assert self.shadow.exit(account, self.now) is None
        self.check()
        bankroll, owner = self.world.bankroll, self.world.owner
        most = bankroll.maxWithdraw(owner)
        if most:
            bankroll.withdraw(most, owner, owner, self.owner)
        # Shares round in favour of those who stay.
        assert 0 <= self.shadow.pool - most <= 1
