"""Defines the rules of a life of the house: anything that anybody may do, in any order, and what
must hold after each. The ledger beside it is tests.contracts.model.
"""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import replace
from typing import Any

from brownie import accounts

from backend.settlement.runs import prove_run, settle_arguments, share_markets
from protocol.batch_call import Table
from protocol.market_id import fixture_name_hash
from protocol.placed_event import unpack_batch
from protocol.records import with_stake
from protocol.roles import Role
from protocol.typed_data import CashOut
from tests.contracts.events import settlements
from tests.contracts.life_accounts import AccountRules
from tests.contracts.life_choices import FIXTURES, markets_of, modelled
from tests.contracts.life_replacements import ReplacementRules
from tests.contracts.model_values import BudgetExceeded, By, KeyModel, SlipModel
from tests.support.batches import entry, pack, pack_unsigned
from tests.support.deployment import Limits
from tests.support.signing import quote_of
from tests.support.terms import (
    BOND_MICRO,
    DISPUTE_WINDOW_S,
    EXIT_DELAY_S,
    UNIT,
    VOID_AFTER_S,
)

LIMITS: tuple[dict[str, int], ...] = (
    {},
    {"market_cap_micro": 60 * UNIT, "fixture_cap_micro": 100 * UNIT},
    {"fixture_cap_micro": 50 * UNIT, "accumulator_cap_micro": 90 * UNIT},
    {"receipt_reserve_micro": 0},
)


class Life(AccountRules, ReplacementRules):
    """The machine: what the chain holds must be what the ledger says."""

    # -- The house

    def rule_provide(self) -> None:
        amount = self._amount()
        self.world.bankroll.deposit(amount, self.world.owner, {"from": self.world.owner})
        self.model.pool += amount

    def rule_take_bankroll(self) -> None:
        """Providers leave with half or all of what is free: what stays must do for the bets."""
        free = self.world.bankroll.maxWithdraw(self.world.owner)
        if self.random.randrange(4):
            free //= 2
        if free:
            owner = self.world.owner
            self.world.bankroll.withdraw(free, owner, owner, {"from": owner})
            self.model.pool -= free

    def rule_limits(self) -> None:
        limits = self.random.choice(LIMITS)
        self.world.set_limits(**limits)
        self.model.limits = Limits(**limits)

    def rule_retire(self) -> None:
        """A key of those with the smaller budgets is gone, once."""
        role = self.random.choice(list(self.keys))
        second = self.keys[role][1]
        sent = self._send(lambda: self.world.retire(second.address))
        is_retired = second.model.until_s < 2**40 - 1
        if self._went(sent, "KeyInvalid" if is_retired else None):
            second.model.until_s = self._clock()

    # -- Bets

    def rule_place(self) -> None:
        """One to six slips; some forged, late, replayed or too large."""
        now_s = self._clock()
        signed = [self._slip(now_s) for _ in range(self.random.randint(1, 6))]
        forged = [self.random.random() < 0.08 for _ in signed]
        slips = [
            replace(s, signature=self._forged(s)) if bad else s
            for s, bad in zip(signed, forged, strict=True)
        ]
        base_s = min(s.accepted_at_s for s in slips)
        data = pack(*slips, base_s=base_s)
        operator = self._key(Role.OPERATOR)
        by = {"from": operator.address}
        sent = self._send(lambda: self.world.sportsbook.placeBatch(data, by))
        table = self._table(base_s, *slips)
        models = [self._as_model(s, table, not bad) for s, bad in zip(slips, forged, strict=True)]
        expected = None
        if self._clock() >= operator.model.until_s:
            expected = "NotOperator"
        elif self._exceeds_budget(table, models, operator.model):
            expected = "BudgetExceeded"
        if not self._went(sent, expected):
            return
        self._placed(sent[1], table, models, By.OPERATOR, operator.model)

    def _exceeds_budget(self, table: Table, slips: list[SlipModel], operator: KeyModel) -> bool:
        draft, key_ = copy.deepcopy(self.model), copy.copy(operator)
        try:
            draft.place(0, markets_of(table), table.base_s, slips, self._clock(), By.OPERATOR, key_)
        except BudgetExceeded:
            return True
        return False

    def rule_enforce(self) -> None:
        """The bettor places a slip by its receipt, or somebody else, who may until a match starts.
        No cap stands in the way."""
        signed = self._slip(self._clock())
        table = self._table(signed.accepted_at_s, signed)
        slip = self._as_model(signed, table, is_signed=True)
        signer = self._key(Role.RECEIPTS)
        receipt = self.world.receipt(signed, signer.secret)
        data = pack(signed)
        is_owners = self.random.random() < 0.7
        by = self.world.sender_of(signed) if is_owners else self.world.by_stranger
        sent = self._send(lambda: self.world.sportsbook.enforce(data, receipt, by))
        has_started = any(pick.market.starts_at_s <= self._clock() for pick in signed.picks)
        denied = "NotOwnerOf" if has_started and not is_owners else None
        at_s = signed.accepted_at_s
        self._placed_alone(
            sent, table, slip, By.RECEIPT, signer, at_s, "ReceiptInvalid", denied=denied
        )

    def rule_place_quoted(self) -> None:
        """A bettor's own bet at odds that the house quoted to all or to this account alone."""
        who = self._who()
        bettor, nonce = self.bettors[who], self._nonce(who)
        picks = self._picks(self.random.choice((1, 1, 2)))
        stake = self._amount()
        named = bettor if self.random.random() < 0.5 else None
        quote = quote_of(
            *picks,
            deadline_s=2**40 - 1,
            max_stake_micro=100 * UNIT,
            bettor=named,
            nonce=nonce if named else 0,
        )
        data = pack_unsigned(bettor, *picks, stake_micro=stake, nonce=nonce)
        signer = self._key(Role.RECEIPTS)
        signature = self.world.sign_quote(quote, signer.secret)
        sent = self._send(lambda: self.world.place_quoted(bettor, quote, data, signature))
        table = Table.build(
            self._clock(), [(fixture_name_hash(pick.name), pick.market) for pick in picks]
        )
        terms = self.world.sign(
            bettor, *picks, stake_micro=stake, accepted_at_s=self._clock(), nonce=nonce
        )
        slip = SlipModel(entry(terms, table).record, 0, 2**16 - 1, is_signed=True)
        used = stake + (0 if named else self.quoted[quote.struct_hash()])
        after = "QuoteUsed" if used > 100 * UNIT else None
        # Of a retired key nothing counts from its very second on.
        at_s = self._clock() + 1
        if (
            self._placed_alone(sent, table, slip, By.QUOTE, signer, at_s, "QuoteInvalid", after)
            and not named
        ):
            self.quoted[quote.struct_hash()] = used

    def rule_cash_out(self) -> None:
        """All or a part of a bet, open or not, at a price that may be too high."""
        if not self.batches:
            return
        number = self.random.choice(list(self.batches))
        batch = self.batches[number]
        place = self.random.randrange(len(batch.records))
        record = batch.records[place]
        stake = self.random.choice((record.stake_micro, max(1, record.stake_micro // 3)))
        price = self.random.choice((0, stake // 2, stake, 2 * stake))
        bettor = next(b for b in self.bettors if b.account == record.account)
        offered_s = self._clock() - self.random.choice((0, 0, 0, 60, 4_000))
        signer = self._key(Role.CASH_OUTS)
        offer = CashOut(bettor.account, number, place, stake, price, offered_s, 2**40 - 1)
        house = self.world.sign_cash_out(offer, signer.secret)
        terms = {"price_micro": price, "stake_micro": stake, "offered_at_s": offered_s}
        sent = self._send(
            lambda: self.world.cash_out(bettor, number, batch, place, **terms, house=house)
        )
        following = self.world.book()["batch_count"]
        times = {"offered_at_s": offered_s, "now_s": self._clock()}
        expected = self.model.cash_out(
            number, place, stake, price, following, key=signer.model, **times
        )
        if self._went(sent, expected):
            said = sent[1].events["CashedOut"]
            if said["next"]:
                assert said["next"] == following
                assert said["rest"] == record.stake_micro - stake
                self.batches[following] = unpack_batch(
                    bytes(said["markets"]), with_stake(bytes(said["record"]), said["rest"])
                )

    # -- The course of things

    def rule_publish(self) -> None:
        """Matches are over: one or two of them, in one sheet."""
        waiting = [game for game in self.games if game.result is None][: self._who() // 2 + 1]
        if not waiting:
            return
        over_s = max(game.starts_at_s for game in waiting) + 7_200
        if self._clock() < over_s:
            self.world.travel_to(over_s)
        results = [self._result(game) for game in waiting]
        tx = self.world.publish(*results)
        for game, result in zip(waiting, results, strict=True):
            game.result = result
            final_at_s = tx.timestamp + DISPUTE_WINDOW_S
            self.model.results[game.id] = modelled(result, tx.timestamp, final_at_s)

    def rule_dispute(self) -> None:
        """Somebody contests a result; the arbiter rules, or lets the time go by."""
        game = self._any_game_with_result()
        if game is None:
            return
        held = self.model.results[game.id]
        sent = self._send(lambda: self.world.results.dispute(game.id, {"from": self.world.owner}))
        is_final = self._clock() >= held.final_at_s
        if self._went(
            sent,
            "ResultFinal" if is_final else "DisputeExists" if game.disputed else None,
        ):
            game.disputed = True
            held.final_at_s = held.published_at_s + 3 * DISPUTE_WINDOW_S

    def rule_ruling(self) -> None:
        """The arbiter changes a result, or confirms it; a bond that was lost is the house's."""
        game = self._any_game_with_result()
        if game is None:
            return
        held = self.model.results[game.id]
        result = self._result(game) if self.random.random() < 0.5 else game.result
        assert result is not None
        word = result.word()
        sent = self._send(lambda: self.world.results.rule(word, {"from": self.world.arbiter}))
        now_s = self._clock()
        if self._went(sent, "ResultFinal" if now_s >= held.final_at_s else None):
            last_s = held.published_at_s + 3 * DISPUTE_WINDOW_S
            final_at_s = min(now_s + DISPUTE_WINDOW_S, last_s)
            self.model.results[game.id] = modelled(result, held.published_at_s, final_at_s)
            if game.disputed and result == game.result:
                self.model.pool += BOND_MICRO
            game.result, game.disputed = result, False

    def rule_close_dispute(self) -> None:
        disputed = [game for game in self.games if game.disputed]
        game = self.random.choice(disputed) if disputed else self._any_game_with_result()
        if game is None:
            return
        sent = self._send(lambda: self.world.results.closeDispute(game.id, {"from": accounts[60]}))
        is_final = self._clock() >= self.model.results[game.id].final_at_s
        open_ = None if is_final else "DisputeOpen"
        if self._went(sent, open_ if game.disputed else "DisputeUnknown"):
            game.disputed = False

    def rule_time(self) -> None:
        self.world.travel_to(
            self._clock() + self.random.choice((DISPUTE_WINDOW_S, EXIT_DELAY_S, 3_600))
        )

    def rule_settle(self) -> None:
        """Runs of any batches, decided or not, settled before or not, the same one twice."""
        if not self.batches:
            return
        chosen = []
        for _ in range(self.random.randint(1, 3)):
            number = self.random.choice(list(self.batches))
            width = len(self.batches[number].records)
            first = self.random.randrange(width)
            bets = self.random.randint(1, width - first)
            whole = self.random.random() < 0.4
            chosen.append((number, 0, width) if whole else (number, first, bets))
        self._settle(chosen)

    def _settle(self, chosen: list[tuple[int, int, int]]) -> None:
        runs = [prove_run(n, self.batches[n], first, bets) for n, first, bets in chosen]
        if self.random.random() < 0.6:
            runs = share_markets(runs)
        calls = settle_arguments(runs)
        # A batch that is settled completely is gone: its runs are left alone.
        by = {"from": accounts[60]}
        free = self.model.free
        sent = self._send(lambda: self.world.sportsbook.settle(calls, by))
        now_s = self._clock()
        paid: dict[int, dict[int, int]] = {}
        bits: Counter[int] = Counter()
        for number, first, bets in chosen:
            settled, amounts = self.model.settle(number, first, bets, now_s)
            bits[number] |= settled
            paid.setdefault(number, {}).update(amounts)
        if not self._went(sent, None if any(bits.values()) else "NothingToSettle"):
            return
        said_bits: Counter[int] = Counter()
        for event in sent[1].events["BatchSettled"]:
            number = event["batch"]
            assert said_bits[number] & event["settled"] == 0
            said_bits[number] |= event["settled"]
        assert +said_bits == +bits
        assert payouts_by_batch(sent[1]) == {n: paid[n] for n in +said_bits}
        # In whatever order bets are settled, nobody's share loses by it.
        assert self.world.sportsbook.houseFree() >= free

    def teardown(self) -> None:
        """All bets end: results or none, everything is settled and everybody can go."""
        latest = max([self._clock(), *(game.starts_at_s for game in self.games)])
        self.world.travel_to(latest + VOID_AFTER_S + 1)
        for number, batch in self.batches.items():
            self._settle([(number, 0, len(batch.records))])
        self.check()
        assert self.model.owed == self.model.locked == 0
        assert self.world.sportsbook.house() == self.model.pool
        for who, bettor in enumerate(self.bettors):
            by = {"from": bettor.address}
            self.world.sportsbook.requestExit(2**56 - 1, by)
            self.exits[who] = (2**56 - 1, 0)
        self.world.travel_to(self._clock() + EXIT_DELAY_S + 1)
        for bettor in self.bettors:
            self.world.sportsbook.exit({"from": bettor.address})
            self.model.accounts[bettor.account].balance = 0
        self.check()

    # -- What always holds

    def check(self) -> None:
        """Solvent to the micro-unit, and in every number what the ledger says."""
        world, model = self.world, self.model
        held = world.token.balanceOf(world.sportsbook)
        balances = sum(account.balance for account in model.accounts.values())
        assert held == balances + model.pool + self.donated
        book = world.book()
        assert book | {"batch_count": 0} == {
            "pool_micro": model.pool,
            "owed_micro": model.owed,
            "locked_micro": model.locked,
            "accumulators_micro": model.accumulators,
            "batch_count": 0,
        }
        assert model.pool >= model.owed + model.locked
        assert world.sportsbook.releasable() == model.releasable
        now_s = self._clock()
        for key_ in (one for pair in self.keys.values() for one in pair):
            assert world.sportsbook.keyOf(key_.address)[4] == key_.model.left(now_s)
        for bettor in self.bettors:
            account = model.accounts[bettor.account]
            found = world.sportsbook.accountAt(bettor.account)
            assert tuple(found)[:4] == (
                *(bettor.address, account.balance, account.nonce),
                account.window,
            )
        for market, exposure in self.random.sample(
            list(model.exposures.items()), min(3, len(model.exposures))
        ):
            found, stakes = world.sportsbook.exposureOf(int.from_bytes(market.pack(), "big"))
            assert (*found, stakes) == exposure
        for game in self.games[-FIXTURES:]:
            if game.result is None:
                locked = world.sportsbook.lockedOf(game.id)
                assert locked == model.fixtures.get(game.id, 0)
        disputed = sum(game.disputed for game in self.games)
        assert world.token.balanceOf(world.results) == disputed * BOND_MICRO


def payouts_by_batch(transaction: Any) -> dict[int, dict[int, int]]:
    """Payouts of a transaction that settles runs of several batches."""
    found: dict[int, dict[int, int]] = {}
    for number, _, amounts in settlements(transaction):
        found.setdefault(number, {}).update(amounts)
    return found
