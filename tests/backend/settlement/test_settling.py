"""Bets are settled once, on the real contracts.

Branches: settled and paid by the formula · not before the result is final · accumulator waits for
its last leg, the rest of its batch does not · several batches in one transaction, and several
transactions · no result: void · reorg after settling · two settlers at once.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from backend.feed.facts import MATCH_LENGTH_S
from backend.settlement.publishing import Publisher
from backend.settlement.settling import Settler
from tests.backend.batching.conftest import make_batcher
from tests.backend.settlement.conftest import VOID_AFTER_S, MakeSettler
from tests.backend.settlement.match_day import STAKE, MatchDay
from tests.support.terms import DISPUTE_WINDOW_S, UNIT


def test_bets_are_paid_by_the_published_result(
    day: MatchDay, publisher: Publisher, settler: Settler
) -> None:
    home_win, draw = day.game((1, 0, 2, 1)), day.game((0, 0, 1, 1))
    alice, bob = day.bettor(), day.bettor()
    before = day.balance(alice)
    day.bet(alice, (home_win, 0), odds_e4=25_000)
    day.bet(alice, (draw, 0))
    day.bet(bob, (draw, 1), odds_e4=33_333)
    day.bet(bob, (home_win, 0), (draw, 1), odds_e4=15_000)
    day.place()
    assert day.publish_all(publisher) == 2
    day.travel_to(day.house.now_s() + DISPUTE_WINDOW_S)
    assert settler.settle(day.house.now_s()) == 4
    day.land()
    assert day.settled() == 4
    assert day.balance(alice) == before - 2 * STAKE + 25 * UNIT
    assert day.balance(bob) == before - 2 * STAKE + 33_333_000 + 22_500_000
    assert day.transactions("settle") == ["mined"]
    assert settler.settle(day.house.now_s()) == 0
    day.check()


def test_result_waits_for_the_final_whistle_and_settlement_for_finality(
    day: MatchDay, publisher: Publisher, settler: Settler
) -> None:
    game = day.game((0, 0, 1, 0))
    day.bet(day.bettor(), (game, 0))
    day.place()
    day.travel_to(game.starts_at_s + MATCH_LENGTH_S - 60)
    assert publisher.publish(day.facts, day.house.now_s()) == 0
    assert day.publish_all(publisher) == 1
    assert settler.settle(day.house.now_s()) == 0
    assert day.transactions("settle") == []


def test_accumulator_settles_with_its_last_leg(
    day: MatchDay, publisher: Publisher, settler: Settler
) -> None:
    early, late = day.game((0, 0, 1, 0)), day.game((0, 0, 1, 0), later_s=86_400)
    alice = day.bettor()
    day.bet(alice, (early, 0))
    day.bet(alice, (early, 0), (late, 0))
    day.place()
    day.travel_to(early.starts_at_s + MATCH_LENGTH_S)
    publisher.publish(day.facts, day.house.now_s())
    day.land()
    day.travel_to(day.house.now_s() + DISPUTE_WINDOW_S)
    assert settler.settle(day.house.now_s()) == 1
    day.land()
    assert day.settled() == 1
    assert settler.settle(day.house.now_s()) == 0
    assert day.publish_all(publisher) == 1
    day.travel_to(day.house.now_s() + DISPUTE_WINDOW_S)
    assert settler.settle(day.house.now_s()) == 1
    day.land()
    assert day.settled() == 2
    day.check()


def test_many_batches_settle_in_few_transactions_under_the_gas_target(
    day: MatchDay, publisher: Publisher, make_settler: MakeSettler
) -> None:
    game = day.game((0, 0, 1, 0))
    bettors = [day.bettor() for _ in range(5)]
    for _ in range(4):
        for bettor in bettors:
            day.bet(bettor, (game, day.house.nonce_of(bettor) % 3))
    make_batcher(day.engine, day.house, max_slips=4).flush(day.house.now_s())
    day.land()
    day.publish_all(publisher)
    day.travel_to(day.house.now_s() + DISPUTE_WINDOW_S)
    settler = make_settler(gas_target=400_000)
    assert settler.settle(day.house.now_s()) == 20
    assert settler.settle(day.house.now_s()) == 0
    day.land()
    assert day.settled() == 20
    assert day.transactions("settle") == ["mined"] * 3
    day.check()


def test_fixture_without_a_result_becomes_void(
    day: MatchDay, publisher: Publisher, settler: Settler
) -> None:
    game = day.game(None)
    alice = day.bettor()
    before = day.balance(alice)
    day.bet(alice, (game, 0))
    day.place()
    day.travel_to(game.starts_at_s + VOID_AFTER_S - 60)
    assert publisher.publish(day.facts, day.house.now_s()) == 0
    assert settler.settle(day.house.now_s()) == 0
    day.travel_to(game.starts_at_s + VOID_AFTER_S + 60)
    assert settler.settle(day.house.now_s()) == 1
    day.land()
    assert day.balance(alice) == before
    day.check()


def test_bet_undone_by_a_reorg_is_settled_again_and_paid_once(
    day: MatchDay, publisher: Publisher, settler: Settler
) -> None:
    game = day.game((0, 0, 1, 0))
    alice = day.bettor()
    before = day.balance(alice)
    day.bet(alice, (game, 0))
    day.place()
    day.publish_all(publisher)
    day.travel_to(day.house.now_s() + DISPUTE_WINDOW_S)
    snapshot = day.house.node.rpc("evm_snapshot")
    settler.settle(day.house.now_s())
    day.land()
    assert day.balance(alice) == before + STAKE
    day.house.node.rpc("evm_revert", snapshot)
    day.travel_to(day.house.now_s() + 10)
    assert day.balance(alice) == before - STAKE
    for _ in range(2):
        settler.settle(day.house.now_s())
        day.land()
    assert day.balance(alice) == before + STAKE
    assert day.settled() == 1
    day.check()


def test_concurrent_settlers_settle_each_bet_once(
    day: MatchDay, publisher: Publisher, make_settler: MakeSettler
) -> None:
    game = day.game((0, 0, 1, 0))
    bettors = [day.bettor() for _ in range(3)]
    for bettor in bettors:
        day.bet(bettor, (game, 0))
    day.place()
    day.publish_all(publisher)
    day.travel_to(day.house.now_s() + DISPUTE_WINDOW_S)
    now_s = day.house.now_s()
    with ThreadPoolExecutor(3) as pool:
        counts = list(pool.map(lambda _: make_settler().settle(now_s), range(3)))
    assert sorted(counts) == [0, 0, 3]
    day.land()
    assert day.transactions("settle") == ["mined"]
