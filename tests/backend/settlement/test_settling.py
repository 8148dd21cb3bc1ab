"""Results are published once and bets settled once, on the real contracts.

Branches: published, then final, then settled and paid by the formula · not before the whistle ·
not before it is final · each fixture once · accumulator waits for its last leg · batch settled in
parts · several batches in one transaction, and several transactions · quarter line · no result:
void · result of somebody else · missing signer key · reorg after settling · two settlers at once ·
decided by SQL as payout.leg_fraction decides.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, text

from backend.batching.service import Batcher
from backend.deployment import Deployment
from backend.feed.facts import FixtureFacts
from backend.mirror.deployment import read_mirror
from backend.settlement.decided import decided_bets
from backend.settlement.publishing import Publisher
from backend.settlement.reconciliation import reconcile
from backend.settlement.results import MATCH_LENGTH_S, SignersTooFew
from backend.settlement.settling import Settler
from protocol.outcomes import ResultStatus, Score
from tests.backend.batching.conftest import OPERATOR_SIGNER, make_batcher
from tests.backend.batching.mirror import follow
from tests.backend.batching.sportsbook import (
    DISPUTE_WINDOW_S,
    OWNER,
    RECEIPT_WINDOW_S,
    RESULT_SIGNERS,
    UNIT,
    Bettor,
    Book,
    Game,
    accept,
)
from tests.backend.settlement.conftest import VOID_AFTER_S, MakeSettler
from tests.backend.settlement.facts import facts
from tests.support.leg_fraction import PublishedResult, leg_fraction

Land = Callable[[], None]
STAKE = 10 * UNIT


class MatchDay:
    """Fixtures that start in an hour, bettors with money, and what is known of the scores."""

    def __init__(self, engine: Engine, book: Book, batcher: Batcher, land: Land) -> None:
        self.engine, self.book, self.batcher, self.land = engine, book, batcher, land
        self.start_s = book.now_s() + 3_600
        self.facts: list[FixtureFacts] = []
        self.games: list[Game] = []

    def game(self, score: tuple[int, int, int, int] | None, later_s: int = 0) -> Game:
        number = len(self.games)
        known = facts(f"Home {number} v Away {number}", self.start_s + later_s, score)
        self.facts.append(known)
        self.games.append(Game(known.name, known.starts_at_s).open(self.engine))
        return self.games[-1]

    def bettor(self) -> Bettor:
        bettor = self.book.open_account()
        follow(self.engine, self.book)
        return bettor

    def bet(self, bettor: Bettor, *picks: tuple[Game, int], odds_e4: int = 20_000) -> None:
        accept(self.engine, self.book, bettor, list(picks), stake_micro=STAKE, odds_e4=odds_e4)

    def place(self) -> None:
        self.batcher.flush(self.book.now_s())
        self.land()

    def travel_to(self, time_s: int) -> None:
        self.book.travel(max(0, time_s - self.book.now_s()))
        follow(self.engine, self.book)

    def balance(self, bettor: Bettor) -> int:
        return int(self.book.call("Sportsbook", "accountAt", bettor.account)[1])

    def settled(self) -> int:
        with self.engine.connect() as connection:
            return int(
                connection.execute(text("SELECT count(*) FROM mirror.settlement")).scalar_one()
            )

    def transactions(self, kind: str) -> list[str]:
        statement = text("SELECT status FROM backend.chain_transaction WHERE kind = :kind")
        with self.engine.connect() as connection:
            return list(connection.execute(statement, {"kind": kind}).scalars())

    def check(self) -> None:
        now_s = self.book.now_s()
        assert reconcile(self.engine, self.book.deployment, now_s, RECEIPT_WINDOW_S) == []


@pytest.fixture
def day(engine: Engine, book: Book, batcher: Batcher, land: Land) -> MatchDay:
    return MatchDay(engine, book, batcher, land)


def publish_all(day: MatchDay, publisher: Publisher) -> int:
    day.travel_to(max(g.starts_at_s for g in day.games) + MATCH_LENGTH_S)
    published = publisher.publish(day.facts, day.book.now_s())
    day.land()
    return published


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
    assert publish_all(day, publisher) == 2
    day.travel_to(day.book.now_s() + DISPUTE_WINDOW_S)
    assert settler.settle(day.book.now_s()) == 4
    day.land()
    assert day.settled() == 4
    assert day.balance(alice) == before - 2 * STAKE + 25 * UNIT
    assert day.balance(bob) == before - 2 * STAKE + 33_333_000 + 22_500_000
    assert day.transactions("settle") == ["mined"]
    assert settler.settle(day.book.now_s()) == 0
    day.check()


def test_nothing_is_published_before_the_whistle_or_settled_before_it_is_final(
    day: MatchDay, publisher: Publisher, settler: Settler
) -> None:
    game = day.game((0, 0, 1, 0))
    day.bet(day.bettor(), (game, 0))
    day.place()
    day.travel_to(game.starts_at_s + MATCH_LENGTH_S - 60)
    assert publisher.publish(day.facts, day.book.now_s()) == 0
    assert publish_all(day, publisher) == 1
    assert settler.settle(day.book.now_s()) == 0
    assert day.transactions("settle") == []


def test_each_fixture_is_published_once_however_often_it_is_asked(
    day: MatchDay, publisher: Publisher
) -> None:
    for _ in range(3):
        day.game((0, 0, 1, 0))
    day.travel_to(day.start_s + MATCH_LENGTH_S)
    now_s = day.book.now_s()
    with ThreadPoolExecutor(3) as pool:
        counts = list(pool.map(lambda _: publisher.publish(day.facts, now_s), range(3)))
    assert sorted(counts) == [0, 0, 3]
    day.land()
    assert publisher.publish(day.facts, now_s) == 0
    assert day.transactions("publish") == ["mined"]


def test_accumulator_settles_with_its_last_leg(
    day: MatchDay, publisher: Publisher, settler: Settler
) -> None:
    early, late = day.game((0, 0, 1, 0)), day.game((0, 0, 1, 0), later_s=86_400)
    alice = day.bettor()
    day.bet(alice, (early, 0))
    day.bet(alice, (early, 0), (late, 0))
    day.place()
    day.travel_to(early.starts_at_s + MATCH_LENGTH_S)
    publisher.publish(day.facts, day.book.now_s())
    day.land()
    day.travel_to(day.book.now_s() + DISPUTE_WINDOW_S)
    assert settler.settle(day.book.now_s()) == 1
    day.land()
    assert day.settled() == 1
    assert settler.settle(day.book.now_s()) == 0
    assert publish_all(day, publisher) == 1
    day.travel_to(day.book.now_s() + DISPUTE_WINDOW_S)
    assert settler.settle(day.book.now_s()) == 1
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
            day.bet(bettor, (game, bettor.nonce % 3))
    make_batcher(day.engine, day.book, max_slips=4).flush(day.book.now_s())
    day.land()
    publish_all(day, publisher)
    day.travel_to(day.book.now_s() + DISPUTE_WINDOW_S)
    settler = make_settler(gas_target=400_000)
    assert settler.settle(day.book.now_s()) == 20
    assert settler.settle(day.book.now_s()) == 0
    day.land()
    assert day.settled() == 20
    assert day.transactions("settle") == ["mined"] * 3
    day.check()


def test_fixture_without_a_result_is_void_in_the_end(
    day: MatchDay, publisher: Publisher, settler: Settler
) -> None:
    game = day.game(None)
    alice = day.bettor()
    before = day.balance(alice)
    day.bet(alice, (game, 0))
    day.place()
    day.travel_to(game.starts_at_s + VOID_AFTER_S - 60)
    assert publisher.publish(day.facts, day.book.now_s()) == 0
    assert settler.settle(day.book.now_s()) == 0
    day.travel_to(game.starts_at_s + VOID_AFTER_S + 60)
    assert settler.settle(day.book.now_s()) == 1
    day.land()
    assert day.balance(alice) == before
    day.check()


def test_result_that_somebody_else_published_is_left_out(
    day: MatchDay, publisher: Publisher, engine: Engine, book: Book
) -> None:
    ours, theirs = day.game((0, 0, 1, 0)), day.game((0, 0, 2, 0))
    day.travel_to(ours.starts_at_s + MATCH_LENGTH_S)
    publisher.publish([f for f in day.facts if f.name == theirs.name], book.now_s())
    with engine.begin() as connection:
        data: Any = connection.execute(
            text("SELECT data FROM backend.chain_transaction")
        ).scalar_one()
        connection.execute(text("DELETE FROM backend.publication"))
        connection.execute(text("DELETE FROM backend.chain_transaction"))
    results = book.contracts["Results"]
    _, arguments = results.decode_function_input(data)
    book.transact(OWNER, results.functions.publish(**arguments))
    assert publisher.publish(day.facts, book.now_s()) == 1
    day.land()
    assert day.transactions("publish") == ["mined"]
    assert all(book.call("Sportsbook", "resultOf", game.market.fixture)[0] for game in day.games)


def test_too_few_result_keys_are_a_clear_error(day: MatchDay, publisher: Publisher) -> None:
    game = day.game((0, 0, 1, 0))
    day.travel_to(game.starts_at_s + MATCH_LENGTH_S)
    lonely = Publisher(
        day.engine,
        publisher._node,
        day.book.deployment,
        OPERATOR_SIGNER.address,
        RESULT_SIGNERS[:1],
    )
    with pytest.raises(SignersTooFew, match="asks for 2 signatures"):
        lonely.publish(day.facts, day.book.now_s())
    assert day.transactions("publish") == []


def test_reorg_after_settling_settles_again_and_pays_once(
    day: MatchDay, publisher: Publisher, settler: Settler
) -> None:
    game = day.game((0, 0, 1, 0))
    alice = day.bettor()
    before = day.balance(alice)
    day.bet(alice, (game, 0))
    day.place()
    publish_all(day, publisher)
    day.travel_to(day.book.now_s() + DISPUTE_WINDOW_S)
    snapshot = day.book.node.rpc("evm_snapshot")
    settler.settle(day.book.now_s())
    day.land()
    assert day.balance(alice) == before + STAKE
    day.book.node.rpc("evm_revert", snapshot)
    day.travel_to(day.book.now_s() + 10)
    assert day.balance(alice) == before - STAKE
    for _ in range(2):
        settler.settle(day.book.now_s())
        day.land()
    assert day.balance(alice) == before + STAKE
    assert day.settled() == 1
    day.check()


def test_two_settlers_at_once_prepare_each_bet_once(
    day: MatchDay, publisher: Publisher, make_settler: MakeSettler
) -> None:
    game = day.game((0, 0, 1, 0))
    bettors = [day.bettor() for _ in range(3)]
    for bettor in bettors:
        day.bet(bettor, (game, 0))
    day.place()
    publish_all(day, publisher)
    day.travel_to(day.book.now_s() + DISPUTE_WINDOW_S)
    now_s = day.book.now_s()
    with ThreadPoolExecutor(3) as pool:
        counts = list(pool.map(lambda _: make_settler().settle(now_s), range(3)))
    assert sorted(counts) == [0, 0, 3]
    day.land()
    assert day.transactions("settle") == ["mined"]


ONE_NIL = Score(0, 0, 1, 0)
RESULTS = [
    None,
    PublishedResult(ResultStatus.PLAYED, ONE_NIL, 100, published_at_s=500, final_at_s=560),
    PublishedResult(ResultStatus.VOID, ONE_NIL, 100, published_at_s=500, final_at_s=560),
    PublishedResult(ResultStatus.PLAYED, ONE_NIL, 100, published_at_s=2_000, final_at_s=2_060),
]


@pytest.mark.parametrize("result", RESULTS)
@pytest.mark.parametrize("now_s", [559, 560, 1_100, 1_101, 2_059, 2_060])
def test_sql_decides_as_the_payout_rule_does(
    engine: Engine, result: PublishedResult | None, now_s: int
) -> None:
    """A start at 100 and VOID_AFTER of 1000: void from 1100 on."""
    game = Game("H v A, 1970-01-01", 100)
    with engine.begin() as connection:
        connection.execute(
            text("""INSERT INTO mirror.deployment (id, chain_id, sportsbook, results, bankroll,
                 token, first_block, head_block, head_hash, head_timestamp_s)
                 VALUES (1, 1, '0xa', '0xb', '0xc', '0xd', 0, 9, '', :now)"""),
            {"now": now_s},
        )
        connection.execute(text("INSERT INTO mirror.bet VALUES (1, 7, 3, 9, 1, 1, 5, 50, 1, 10)"))
        connection.execute(
            text("INSERT INTO mirror.leg VALUES (1, 7, 3, 0, 9, :market, :fixture, 0, 20000)"),
            {"market": game.market.pack(), "fixture": game.market.fixture},
        )
        if result is not None:
            connection.execute(
                text("""INSERT INTO mirror.result VALUES (1, :fixture, 9, 0, 1, 0, 0, 1, 0, 100,
                     :published, :final, false, false)"""),
                {
                    "fixture": game.market.fixture,
                    "published": result.published_at_s,
                    "final": result.final_at_s,
                },
            )
    mirror = read_mirror(engine, Deployment(1, "0xA", "0xB"))
    rule = leg_fraction(game.market, 0, 50, result, now_s, 1_000)
    decided = decided_bets(engine, mirror, now_s, 1_000, 10)
    assert decided == ({} if rule is None else {7: [3]})
