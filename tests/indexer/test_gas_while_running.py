"""Receipts are read beside the blocks: neither waits for the other.

Branches: a running indexer reads them, also without new blocks · a block does not wait for them ·
a block that is replaced while they are requested · a chain that was shorter for a while · a process
that stops while one is pending.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from indexer.chain import new_heads
from indexer.service import Indexer
from indexer.sync.sync import SHORTER_CHAIN_PATIENCE_S
from tests.indexer.faulty_node import FaultyNode
from tests.indexer.mirror import Mirror, Tables
from tests.indexer.processes import LIMIT_S, Processes, caught_up, wait_until
from tests.indexer.receipts import (
    RECEIPT,
    advance_and_step,
    forget_gas,
    read_receipts,
    receipts_held,
    unread,
)
from tests.indexer.season import play_more
from tests.support.house import House


def grown(mirror: Mirror, query: str, before: list[tuple[Any, ...]]) -> bool:
    return mirror.rows(query) > before


@pytest.mark.parametrize("shared_house", ["anvil"], indirect=True)
def test_running_indexer_reads_gas(
    house: House,
    mirror: Mirror,
    processes: Processes,
    clean: Callable[[], Tables],
) -> None:
    processes.start()
    count = "SELECT count(*) FROM mirror.transaction"
    for bets in (2, 3):
        before = mirror.rows(count)
        play_more(house, bets)
        wait_until(partial(grown, mirror, count, before))
        wait_until(caught_up(mirror, house))
        wait_until(lambda: unread(mirror) == 0)
    assert mirror.tables() == clean()


@pytest.mark.parametrize("shared_house", ["anvil"], indirect=True)
def test_receipts_are_read_without_new_blocks(
    house: House, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.sync.gas._MAX_PER_REQUEST", 1)
    monkeypatch.setattr(new_heads, "POLL_S", LIMIT_S)
    monkeypatch.setattr(new_heads, "POLL_SUBSCRIBED_S", LIMIT_S)
    indexer = Indexer(mirror.url, [house.node.url], mirror.deployment, mirror.finality)
    running = threading.Thread(target=indexer.run)
    running.start()
    try:
        wait_until(lambda: mirror.rows("SELECT count(*) FROM mirror.transaction") > [(10,)])
        wait_until(lambda: unread(mirror) == 0)
    finally:
        indexer.stop()
        running.join()


def let_through(mirror: Mirror, free: Callable[[], None]) -> None:
    """Answer what was held back, and wait for the answer."""
    answer = mirror.sync.gas._answer
    free()
    if answer is not None:
        answer.result(20)


@pytest.mark.parametrize("shared_house", ["anvil"], indirect=True)
def test_block_does_not_wait_for_receipts(
    house: House, faulty_mirror: Mirror, faulty: FaultyNode
) -> None:
    with receipts_held(faulty) as free:
        advance_and_step(faulty_mirror)
        transactions = unread(faulty_mirror)
        play_more(house, 2)
        advance_and_step(faulty_mirror)
        head = house.node.web3.eth.block_number
        assert faulty_mirror.rows("SELECT head_block FROM mirror.deployment") == [(head,)]
        assert unread(faulty_mirror) > transactions
        let_through(faulty_mirror, free)
        advance_and_step(faulty_mirror)
        assert unread(faulty_mirror) < transactions


def forget_and_restart(mirror: Mirror) -> None:
    """Make all gas unread, and let the reader start from the beginning."""
    forget_gas(mirror)
    mirror.sync.gas.restart_from(0)
    mirror.sync.gas._request_at = 0


def test_replaced_block_gets_its_own_gas_after_a_request_in_flight(
    house: House, faulty_mirror: Mirror, faulty: FaultyNode, clean: Callable[[], Tables]
) -> None:
    saved = house.save()
    play_more(house, 2)
    faulty_mirror.catch_up()
    forget_and_restart(faulty_mirror)
    with receipts_held(faulty) as free:
        advance_and_step(faulty_mirror)
        assert faulty_mirror.sync.gas._answer is not None
        house.revert_to(saved)
        house.node.mine(1)
        play_more(house, 3)
        advance_and_step(faulty_mirror)
        free()
    read_receipts(faulty_mirror)
    assert faulty_mirror.tables() == clean()


def test_blocks_after_a_shorter_chain_get_their_gas(
    house: House, mirror: Mirror, clean: Callable[[], Tables]
) -> None:
    saved = house.save()
    play_more(house, 2)
    advance_and_step(mirror)
    read_receipts(mirror)
    house.revert_to(saved)
    now_s = [0.0]
    mirror.sync._clock = lambda: now_s[0]
    assert not mirror.sync.advance()
    now_s[0] = SHORTER_CHAIN_PATIENCE_S + 1
    assert mirror.sync.advance()
    play_more(house, 3)
    advance_and_step(mirror)
    read_receipts(mirror)
    assert mirror.tables() == clean()


@pytest.mark.parametrize("shared_house", ["anvil"], indirect=True)
def test_process_stops_at_once_while_a_receipt_is_pending(
    house: House,
    mirror: Mirror,
    processes: Processes,
    faulty: FaultyNode,
) -> None:
    with receipts_held(faulty):
        running = processes.start(RPC_URL=faulty.address)
        wait_until(lambda: RECEIPT in faulty.asked)
        running.terminate()
        assert running.wait(5) == 0
