"""After any reorg the tables are those of a clean sync.

Branches: depth 1, 5, 64 (anvil_reorg) · at the end of a backfill · set back and played differently
(both chains) · same height · while the indexer was down · several in a row · a chain that ends
below our head · readers never see a half-written range · another process wrote in between.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from indexer.errors import CheckpointMoved, RetryableError
from indexer.sync.sync import SHORTER_CHAIN_PATIENCE_S
from tests.indexer.faulty_node import faulty_node
from tests.indexer.mirror import Mirror, Tables, clean_tables, mirror_of
from tests.indexer.season import play_more
from tests.support.house import House
from tests.support.terms import UNIT


def test_reorgs_of_depth_1_5_and_64_are_followed(
    lone_house: House, fresh_database: str, postgres: Any
) -> None:
    house = lone_house
    node = house.node
    with mirror_of(fresh_database, house) as mirror:
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
            assert after == clean_tables(postgres, house)
            assert mirror.difference() is None
            house.reload_nonces()


@pytest.mark.parametrize("depth", [1, 5, 30])
@pytest.mark.parametrize("asked", [1, 3, 6])
def test_reorg_during_a_backfill_leaves_no_old_blocks(
    lone_house: House, fresh_database: str, postgres: Any, depth: int, asked: int
) -> None:
    """The chain changes between two requests of a backfill, before or after its newest blocks were
    read."""
    house = lone_house
    node = house.node
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
        with mirror_of(fresh_database, house, between.address) as mirror:
            mirror.sync._length.blocks = 6
            for _ in range(10):
                try:
                    mirror.catch_up()
                    break
                except RetryableError:
                    mirror.sync._length.blocks = 6
            assert left[0] < 0
            assert mirror.tables() == clean_tables(postgres, house)
            assert mirror.difference() is None


@pytest.mark.parametrize("restarted", [False, True], ids=["running", "down"])
def test_season_played_again_differently_leaves_no_old_rows(
    house: House, mirror: Mirror, clean: Callable[[], Tables], restarted: bool
) -> None:
    node = house.node
    mirror.catch_up()
    for bets in (3, 5, 2):
        saved = house.save()
        play_more(house, bets)
        mirror.catch_up()
        assert mirror.difference() is None
        house.revert_to(saved)
        if restarted:
            mirror.restart()
    play_more(house, 4)
    node.mine(3)
    assert mirror.sync.advance()
    mirror.catch_up()
    assert mirror.tables() == clean()
    assert mirror.difference() is None


def test_reorg_of_the_same_height_is_followed(
    house: House, mirror: Mirror, clean: Callable[[], Tables]
) -> None:
    node = house.node
    snapshot = node.rpc("evm_snapshot")
    house.request_exit(house.bettors[1], 7 * UNIT)
    mirror.catch_up()
    height = node.web3.eth.block_number
    node.fork(snapshot)
    node.mine(height - node.web3.eth.block_number)
    mirror.catch_up()
    assert mirror.rows("SELECT count(*) FROM mirror.exit_request WHERE account = 2") == [(0,)]
    assert mirror.tables() == clean()


def test_shorter_chain_is_followed_after_a_while(
    house: House, mirror: Mirror, clean: Callable[[], Tables]
) -> None:
    node = house.node
    snapshot = node.rpc("evm_snapshot")
    play_more(house)
    mirror.catch_up()
    now = [0.0]
    mirror.sync._clock = lambda: now[0]
    node.fork(snapshot)
    assert not mirror.sync.advance()
    now[0] = SHORTER_CHAIN_PATIENCE_S + 1
    assert mirror.sync.advance()
    assert mirror.tables() == clean()
    assert mirror.difference() is None


def test_reader_never_sees_a_half_written_range(house: House, mirror: Mirror) -> None:
    node = house.node
    snapshot = node.rpc("evm_snapshot")
    play_more(house, 8)
    mirror.catch_up()
    node.fork(snapshot)
    play_more(house, 6)
    broken: list[Any] = []
    queries = [0]
    ending = threading.Event()

    def watch() -> None:
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
                queries[0] += 1
                if row is None or any(row):
                    broken.append(row)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        mirror.catch_up()
        for bets in (2, 9, 4):
            play_more(house, bets)
            mirror.catch_up()
    finally:
        ending.set()
        watcher.join()
    assert queries[0] > 10
    assert not broken


def test_write_over_another_process_is_refused(house: House, mirror: Mirror) -> None:
    mirror.catch_up()
    late = mirror.sync
    house.node.mine()
    mirror.restart()
    mirror.catch_up()
    head = mirror.rows("SELECT head_block FROM mirror.deployment")
    house.node.mine()
    # It still has the old head in memory.
    with pytest.raises(CheckpointMoved):
        late.advance()
    assert mirror.rows("SELECT head_block FROM mirror.deployment") == head
    assert late.advance()
