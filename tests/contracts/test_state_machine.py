"""Long lives of the house, in any order, against a ledger in Python (tests.contracts.life).

Each life is a seeded walk over the rules, so that a failure is repeated by its number. STEPS and
LIVES in the environment make it longer: `LIVES=100 STEPS=500` is an hour's run. (Hypothesis spends
most of its runs on lives of a step or two, in which nothing can go wrong.)

Held after every step, numbered as in ARCHITECTURE.md:
1 solvent: tokens held are all balances, open stakes and the bankroll, to the micro-unit
2 a balance is what its owner's deposits, withdrawals, slips, cash-outs and settled bets make it
3 a bet settles at most once and pays what the rules say, rounded down
4 an announced exit pays after its delay, whatever else happens
5 in the end every bet is settled, by a result or because there was none
6 a slip counts once; every other is refused, for the reason that the ledger gives
9 no balance is below zero
And that the pool covers what is owed and locked, that no settlement lowers what is free, and that
no key has committed more than its budget lets it.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest
from brownie import network

from tests.contracts.life import Life
from tests.contracts.world import World

# Weights: a life is mostly bets, and time that passes.
RULES = {
    Life.rule_place: 8,
    Life.rule_enforce: 3,
    Life.rule_enforce_instead: 3,
    Life.rule_place_quoted: 3,
    Life.rule_settle: 8,
    Life.rule_cash_out: 4,
    Life.rule_publish: 3,
    Life.rule_dispute: 2,
    Life.rule_ruling: 2,
    Life.rule_close_dispute: 1,
    Life.rule_time: 3,
    Life.rule_deposit: 2,
    Life.rule_withdraw: 2,
    Life.rule_exit: 2,
    Life.rule_relay: 3,
    Life.rule_deposit_permitted: 1,
    Life.rule_deposit_authorized: 1,
    Life.rule_exclude: 1,
    Life.rule_cancel: 1,
    Life.rule_limits: 1,
    Life.rule_retire: 0.2,
    Life.rule_provide: 1,
    Life.rule_take_bankroll: 1,
}

NEVER_REFUSED = {
    Life.rule_publish,
    Life.rule_time,
    Life.rule_limits,
    Life.rule_provide,
    Life.rule_take_bankroll,
}
DONE: Counter[str] = Counter()


@pytest.fixture
def dollars(world) -> World:
    """A house on a token that can transfer by EIP-3009."""
    return World(token_contract="DollarToken")


@pytest.mark.parametrize("seed", range(int(os.environ.get("LIVES", "4"))))
def test_house_holds_its_invariants(dollars, seed):
    slow = "ganache" in network.show_active()
    if slow and seed:
        pytest.skip("one life is enough on the slower chain")
    life = Life(dollars, seed)
    for _ in range(int(os.environ.get("STEPS", "70" if slow else "120"))):
        (rule,) = life.random.choices(list(RULES), list(RULES.values()))
        life.rule = rule.__name__
        rule(life)
        life.check()
    bets = [bet for placed in life.model.batches.values() for bet in placed]
    assert len(bets) > 5
    # The short life of the slower chain settles its bets at the end.
    assert slow or any(bet.is_settled for bet in bets)
    life.teardown()
    DONE.update(life.done)


def test_lives_carried_out_every_rule():
    """A rule that is always refused shows nothing."""
    if DONE.total() < 100:
        pytest.skip("too few steps were lived to have done everything")
    for rule in RULES.keys() - NEVER_REFUSED:
        assert DONE[rule.__name__], f"{rule.__name__} was always refused"
