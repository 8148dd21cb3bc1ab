"""After any reorg the tables are those of a clean sync.

Branches: depth 1, 5, 64 (anvil_reorg) · at the edge of a backfill · set back and another season
played (both chains) · same height · while the indexer was down · in cascade · a chain that ends
below our head · readers never see a half · somebody else wrote in between.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from indexer.errors import CheckpointMoved, RetryableError
from indexer.sync.sync import SHORTER_CHAIN_PATIENCE_S
from protocol.market_id import fixture_id
from protocol.typed_data import Result
from tests.indexer.faulty import faulty_node
from tests.indexer.house import House, Pick, Wanted, market
from tests.indexer.mirror import Mirror, Tables, clean_tables, mirror_of
from tests.support.terms import UNIT

NUMBERS = itertools.count(1)


def play_more(house: House, bets: int = 3) -> None:
    """Another bettor, a batch, a result and a settlement of bets old and new."""
    dan, name = house.book.open_account(), f"Up v Down {next(NUMBERS)}, 2025-06-01"
    start_s = house.book.now_s() + 500
    pick = Pick(name, market(name, start_s), bets % 3)
    number = house.place(*(Wanted(dan, (pick,), UNIT * (n + 1)) for n in range(bets)))
    house.request_exit(house.book.bettors[0], bets * UNIT)
    if not house.book.call("Sportsbook", "settledBits", 2) & 1:
        house.settle((2, 0, 1))
    house.book.travel(600)
    house.publish(Result(fixture_id(name), 1, 0, 0, bets, 0, start_s))
    house.final()
    house.settle((number, 0, bets))


def test_reorgs_of_depth_1_5_and_64_are_undone_and_redone(
    lone_anvil: tuple[House, Path], fresh_database: str, postgres: Any
) -> None:
    house, folder = lone_anvil
    node = house.book.node
    with mirror_of(fresh_database, house.book, folder) as mirror:
        for depth, blocks_on_top in ((1, 0), (5, 0), (64, 20)):
            play_more(house)
            node.mine(blocks_on_top)
            mirror.catch_up()
            before = mirror.tables()
            node.rpc("anvil_reorg", depth, [])
            assert mirror.sync.advance()
            after = mirror.tables()
            assert len(after["block"]) == len(before["block"])
            assert len(after["bet"]) < len(before["bet"]) or depth < 10
            assert after == clean_tables(postgres, house.book, folder)
            assert mirror.difference() is None
            for bettor in house.book.bettors:
                bettor.nonce = house.book.call("Sportsbook", "accountAt", bettor.account)[2]


@pytest.mark.parametrize("depth", [1, 5, 30])
@pytest.mark.parametrize("asked", [1, 3, 6])
def test_reorg_at_the_edge_of_a_backfill_leaves_nothing_of_what_was_read_before(
    lone_anvil: tuple[House, Path], fresh_database: str, postgres: Any, depth: int, asked: int
) -> None:
    """The chain changes between two requests of a backfill: the newest blocks were not read yet,
    or had been."""
    house, folder = lone_anvil
    node = house.book.node
    play_more(house)
    lock, left = threading.Lock(), [asked]

    def change(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if request["method"] == "eth_getLogs":
            with lock:
                left[0] -= 1
                if left[0] == 0:
                    node.rpc("anvil_reorg", depth, [])
        return answer

    with faulty_node(node.url) as between:
        between.fault = change
        with mirror_of(fresh_database, house.book, folder, between.address) as mirror:
            mirror.sync._length.blocks = 6
            for _ in range(10):
                try:
                    mirror.catch_up()
                    break
                except RetryableError:
                    mirror.sync._length.blocks = 6
            assert left[0] < 0
            assert mirror.tables() == clean_tables(postgres, house.book, folder)
            assert mirror.difference() is None


@pytest.mark.parametrize("restarted", [False, True], ids=["running", "down"])
def test_season_set_back_and_played_otherwise_leaves_nothing_of_the_first(
    house: House, mirror: Mirror, clean: Callable[[], Tables], restarted: bool
) -> None:
    node = house.book.node
    mirror.catch_up()
    for bets in (3, 5, 2):
        snapshot = node.rpc("evm_snapshot")
        people = [(b, b.nonce) for b in house.book.bettors]
        play_more(house, bets)
        mirror.catch_up()
        assert mirror.difference() is None
        node.rpc("evm_revert", snapshot)
        house.book.bettors[:] = [b for b, _ in people]
        for bettor, nonce in people:
            bettor.nonce = nonce
        if restarted:
            mirror.restart()
    play_more(house, 4)
    node.mine(3)
    assert mirror.sync.advance()
    mirror.catch_up()
    assert mirror.tables() == clean()
    assert mirror.difference() is None


def test_reorg_of_the_same_height_is_seen(
    house: House, mirror: Mirror, clean: Callable[[], Tables]
) -> None:
    node = house.book.node
    snapshot = node.rpc("evm_snapshot")
    house.request_exit(house.book.bettors[1], 7 * UNIT)
    mirror.catch_up()
    height = node.web3.eth.block_number
    node.rpc("evm_revert", snapshot)
    node.mine(height - node.web3.eth.block_number)
    mirror.catch_up()
    assert mirror.rows("SELECT count(*) FROM mirror.exit_request WHERE account = 2") == [(0,)]
    assert mirror.tables() == clean()


def test_chain_that_ends_below_our_head_is_followed_down_after_a_while(
    house: House, mirror: Mirror, clean: Callable[[], Tables]
) -> None:
    node = house.book.node
    snapshot = node.rpc("evm_snapshot")
    play_more(house)
    mirror.catch_up()
    now = [0.0]
    mirror.sync._clock = lambda: now[0]
    node.rpc("evm_revert", snapshot)
    assert not mirror.sync.advance()
    now[0] = SHORTER_CHAIN_PATIENCE_S + 1
    assert mirror.sync.advance()
    assert mirror.tables() == clean()
    assert mirror.difference() is None


def test_reader_never_sees_a_half(house: House, mirror: Mirror) -> None:
    node = house.book.node
    snapshot = node.rpc("evm_snapshot")
    play_more(house, 8)
    mirror.catch_up()
    node.rpc("evm_revert", snapshot)
    play_more(house, 6)
    broken: list[Any] = []
    looks = [0]
    ending = threading.Event()

    def look() -> None:
        query = """SELECT
            (SELECT sum(delta_micro) FROM mirror.movement)
                - (SELECT sum(balance_micro) FROM mirror.balance),
            (SELECT head_block FROM mirror.deployment) - (SELECT max(number) FROM mirror.block),
            (SELECT batch_count FROM mirror.book) - (SELECT count(*) FROM mirror.batch),
            (SELECT sum(open_bets) FROM mirror.batch) - (SELECT count(*) FROM mirror.bet)
                + (SELECT count(*) FROM mirror.settlement)"""
        with psycopg.connect(mirror.url, autocommit=True) as reader:
            while not ending.is_set():
                row = reader.execute(query).fetchone()
                looks[0] += 1
                if row is None or any(row):
                    broken.append(row)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        mirror.catch_up()
        for bets in (2, 9, 4):
            play_more(house, bets)
            mirror.catch_up()
    finally:
        ending.set()
        watcher.join()
    assert looks[0] > 10
    assert not broken


def test_write_over_somebody_elses_is_refused(house: House, mirror: Mirror) -> None:
    mirror.catch_up()
    late = mirror.sync
    house.book.node.mine()
    mirror.restart()
    mirror.catch_up()
    head = mirror.rows("SELECT head_block FROM mirror.deployment")
    house.book.node.mine()
    # It believes in the head that it left.
    with pytest.raises(CheckpointMoved):
        late.advance()
    assert mirror.rows("SELECT head_block FROM mirror.deployment") == head
    assert late.advance()
