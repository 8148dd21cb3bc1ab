"""Attacks on cash-outs, which also pay for what the market locks more without the bet.

cash-outs
├── free money falls by no more than the key's budget pays, in markets of every mode, by parts
├── a sale for nothing pays for what it uncovers, part by part
├── a key that is retired, or has enough left for the price alone, sells no cover
├── an accumulator covers nothing, and raises nothing when it is sold
├── sold in one block, bets that cover another pay as one by one
└── whoever is covered by an honest bet can make its cash-out fail, until more is left of the budget
"""

from __future__ import annotations

import random
from typing import Any

import pytest
from brownie import accounts, web3

from protocol.market_id import Kind
from protocol.placed_event import unpack_batch
from protocol.records import with_stake
from protocol.roles import Role
from protocol.typed_data import CashOut
from tests.contracts.world import World, reverts
from tests.support import calls
from tests.support.people import key, key_address
from tests.support.slips import Pick, make_market, pick_elsewhere
from tests.support.terms import (
    BUDGET_PERIOD_S,
    UNIT,
)

MARKETS = {
    "netted": (Kind.MATCH_RESULT, 0, False, 3),
    "netted in halves": (Kind.ASIAN_HANDICAP, 1, False, 2),
    "paired": (Kind.DOUBLE_CHANCE, 0, False, 3),
    "gross, of two": (Kind.PROPOSITION, 0, False, 2),
    "gross, by score": (Kind.CORRECT_SCORE, 8, False, 12),
    "gross, in play": (Kind.MATCH_RESULT, 0, True, 3),
}


SPARE = key(50)
BUDGET_MICRO = 10_000 * UNIT
# In which more comes back than any sale here spends.
REST_S = 20_000


def spare_left(world: World) -> int:
    return int(world.sportsbook.keyOf(key_address(SPARE))[4])


def remainder(tx: Any) -> tuple[int, Any]:
    """What is left of a bet that was sold by a part: its batch, or 0 and nothing."""
    said = tx.events["CashedOut"]
    if not said["rest"]:
        return 0, None
    record = with_stake(bytes(said["record"]), said["rest"])
    return said["next"], unpack_batch(bytes(said["markets"]), record)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("mode", MARKETS)
def test_free_money_falls_by_no_more_than_the_budget_pays(world, mode, seed):
    """Bets of odd stakes are sold by random parts, dust among them, at random prices."""
    world.replace_key(Role.CASH_OUTS, key_address(SPARE), BUDGET_MICRO)
    draw = random.Random(f"{mode} {seed}")
    kind, line_q, in_play, outcomes = MARKETS[mode]
    now_s = world.now()
    starts_at_s = now_s - 60 if in_play else now_s + 30 * REST_S
    market = make_market(kind, line_q, starts_at_s=starts_at_s, in_play=in_play)
    open_bets: list[Any] = []
    for i in range(6):
        bettor = world.stranger(100 + i)
        stake = draw.choice((1, 7, UNIT + 1, 333_333_333, 999_999_999))
        pick = Pick(market, draw.randrange(outcomes), draw.choice((10_001, 13_337, 20_000, 77_777)))
        slip = world.sign(bettor, pick, stake_micro=stake, accepted_at_s=world.clock())
        said = world.place(slip)
        assert len(said.batch.records) == 1
        open_bets.append((bettor, said.number, said.batch))
    for _ in range(14):
        if not open_bets:
            break
        world.travel_to(world.clock() + REST_S)
        assert spare_left(world) == BUDGET_MICRO
        bettor, number, batch = open_bets.pop(draw.randrange(len(open_bets)))
        stake = batch.records[0].stake_micro
        part = draw.choice((1, stake, max(1, stake // 2), draw.randint(1, stake)))
        price = draw.choice((0, part, draw.randint(0, part)))
        before, free = world.book()["locked_micro"], world.sportsbook.houseFree()
        terms = {"stake_micro": part, "price_micro": price, "house_key": SPARE}
        tx = world.cash_out(bettor, number, batch, **terms)
        raised = max(0, world.book()["locked_micro"] - before)
        assert raised == 0 or "netted" in mode or mode == "paired"
        assert raised <= part
        assert BUDGET_MICRO - spare_left(world) == price + raised
        # trust.md: a cash-out costs providers who leave now its price at most.
        assert free - world.sportsbook.houseFree() <= price
        number, batch = remainder(tx)
        if number:
            open_bets.append((bettor, number, batch))


def test_sale_for_nothing_pays_for_what_it_uncovers(world, alice, bob):
    """A friend gives his cover away by parts: all that the other bet locks again is charged."""
    world.replace_key(Role.CASH_OUTS, key_address(SPARE), BUDGET_MICRO)
    at_s = world.now()
    market = make_market(starts_at_s=at_s + 50_000)
    rest = 500 * UNIT
    bets = [
        world.sign(who, Pick(market, i), stake_micro=rest, accepted_at_s=at_s)
        for i, who in enumerate((alice, bob))
    ]
    number, batch, _ = world.place(*bets)
    bet = 0
    assert world.book()["locked_micro"] == 0
    world.ripen()
    started_s = world.clock()
    for part in (1, 2, rest // 3, rest // 4, 0):
        terms = {"stake_micro": part or rest, "house_key": SPARE}
        tx = world.cash_out(alice, number, batch, bet, price_micro=0, **terms)
        rest -= terms["stake_micro"]
        (number, batch), bet = remainder(tx), 0
    assert world.book()["locked_micro"] == 500 * UNIT
    back = BUDGET_MICRO * (world.clock() - started_s) // BUDGET_PERIOD_S
    assert 500 * UNIT - back <= BUDGET_MICRO - spare_left(world) <= 500 * UNIT


def test_sale_by_a_key_that_is_retired_or_spent_is_refused(world, alice, bob):
    """The price alone would be within the budget."""
    world.replace_key(Role.CASH_OUTS, key_address(SPARE), 500 * UNIT)
    at_s = world.now()
    market = make_market(starts_at_s=at_s + 50_000)
    bets = [
        world.sign(who, Pick(market, i), stake_micro=300 * UNIT, accepted_at_s=at_s)
        for i, who in enumerate((alice, bob))
    ]
    number, batch, _ = world.place(*bets)
    world.ripen()
    terms = {"price_micro": 201 * UNIT, "house_key": SPARE}
    with reverts("BudgetExceeded", 500 * UNIT, 501 * UNIT):
        world.cash_out(alice, number, batch, **terms)
    world.retire(key_address(SPARE))
    with reverts("CashOutUnsigned", key_address(SPARE)):
        world.cash_out(alice, number, batch, price_micro=0, house_key=SPARE)


def test_accumulator_raises_nothing_when_it_is_sold(world, alice, bob):
    world.replace_key(Role.CASH_OUTS, key_address(SPARE), BUDGET_MICRO)
    at_s = world.now()
    market = make_market(starts_at_s=at_s + 50_000)
    picks = (Pick(market, 0, 20_000), pick_elsewhere(at_s + 50_000, 0, 20_000))
    world.place(world.sign(bob, Pick(market, 1), stake_micro=100 * UNIT, accepted_at_s=at_s))
    was = world.place(world.sign(alice, *picks, stake_micro=100 * UNIT, accepted_at_s=at_s))
    world.ripen()
    before = world.book()
    world.cash_out(alice, was.number, was.batch, price_micro=70 * UNIT, house_key=SPARE)
    assert BUDGET_MICRO - spare_left(world) == 70 * UNIT
    assert before["locked_micro"] - world.book()["locked_micro"] == 300 * UNIT
    assert world.book()["accumulators_micro"] == 0


def test_two_sales_in_one_block_pay_as_one_by_one(world, alice, bob):
    """Both cover a third bet together; the second finds what the first has raised."""
    world.replace_key(Role.CASH_OUTS, key_address(SPARE), BUDGET_MICRO)
    carol = world.stranger(5)
    at_s = world.now()
    market = make_market(starts_at_s=at_s + 50_000)
    bets = ((alice, 0, 20_000, 400), (bob, 0, 20_000, 400), (carol, 2, 18_000, 1_000))
    was = world.place(
        *(
            world.sign(who, Pick(market, i, odds), stake_micro=n * UNIT, accepted_at_s=at_s)
            for who, i, odds, n in bets
        )
    )
    assert world.book()["locked_micro"] == 0
    world.ripen()
    # The second is Ganache's; a node does not know the other's.
    web3.provider.make_request("evm_setAutomine", [False])
    web3.provider.make_request("miner_stop", [])
    try:
        txs = []
        for i, who in enumerate((alice, bob)):
            signed = _cash_out_later(world, who, was, i, 300 * UNIT)
            txs.append(signed)
        web3.provider.make_request("evm_mine", [])
    finally:
        web3.provider.make_request("evm_setAutomine", [True])
        web3.provider.make_request("miner_start", [])
    blocks = {web3.eth.get_transaction_receipt(tx)["blockNumber"] for tx in txs}
    assert len(blocks) == 1
    assert all(web3.eth.get_transaction_receipt(tx)["status"] == 1 for tx in txs)
    locked = world.book()["locked_micro"]
    assert locked == 800 * UNIT
    # A view on Ganache is a second later.
    back = BUDGET_MICRO // BUDGET_PERIOD_S + 1
    assert 0 <= 600 * UNIT + locked - (BUDGET_MICRO - spare_left(world)) <= back


def _cash_out_later(world: World, bettor: Any, was: Any, bet: int, price_micro: int) -> str:
    stake = was.batch.records[bet].stake_micro
    terms = (bet, stake, price_micro, world.clock(), 2**40 - 1)
    offer = CashOut(bettor.account, was.number, *terms)
    arguments = calls.cash_out(world.domain, offer, was.batch, SPARE, bettor.key)
    data = world.sportsbook.cashOut.encode_input(*arguments)
    sent = web3.eth.send_transaction(
        {
            "from": accounts[61 + bet].address,
            "to": world.sportsbook.address,
            "data": data,
            "gas": 2_000_000,
            "gasPrice": 2 * 10**9,
        }
    )
    return sent.hex()


def test_whoever_is_covered_makes_an_honest_cash_out_fail(world, alice, bob):
    """As much is left for cash-outs as alice is offered. Bob's fair bet, which her stake covers,
    comes between offer and transaction. It costs bob nothing but a bet at the house's odds, and
    alice her offer, until as much as her stake is left besides the price."""
    world.replace_key(Role.CASH_OUTS, key_address(SPARE), 950 * UNIT)
    at_s = world.now()
    market = make_market(starts_at_s=at_s + 50_000)
    was = world.place(
        world.sign(alice, Pick(market, 0), stake_micro=1_000 * UNIT, accepted_at_s=at_s)
    )
    world.ripen()
    at_s = world.clock()
    world.place(world.sign(bob, Pick(market, 2), stake_micro=1_000 * UNIT, accepted_at_s=at_s))
    terms = {"price_micro": 950 * UNIT, "house_key": SPARE}
    with reverts("BudgetExceeded", 950 * UNIT, (950 + 1_000) * UNIT):
        world.cash_out(alice, was.number, was.batch, **terms)
