"""The gas reader requests receipts in order, at its own pace, and again when they were missing.

Branches: a block that another process replaced · full requests and small ones · receipts that no
endpoint has · a node that fails · a request that is throttled · a receipt that always fails · new
transactions before retries · forks while a request is in flight.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from indexer.chain.endpoints import Endpoints
from indexer.sync.gas import GasReader
from tests.indexer.mirror import Mirror
from tests.indexer.processes import wait_until
from tests.indexer.receipts import (
    Clock,
    ReceiptEndpoint,
    forget_gas,
    step,
    step_until_read,
    unread,
)
from tests.support.house import House

pytestmark = pytest.mark.parametrize("shared_house", ["anvil"], indirect=True)


@pytest.fixture
def stepped(house: House, mirror: Mirror) -> Iterator[tuple[GasReader, ReceiptEndpoint, Clock]]:
    """A gas reader with a clock that the test moves, on a mirror without gas."""
    mirror.catch_up()
    forget_gas(mirror)
    clock, node = Clock(), ReceiptEndpoint(house.node.url)
    with psycopg.connect(mirror.url, autocommit=True) as connection:
        yield GasReader(connection, 1, Endpoints([node]), clock=clock), node, clock


def test_receipt_of_a_block_replaced_by_another_process_is_not_written(
    mirror: Mirror, stepped: tuple[GasReader, ReceiptEndpoint, Clock]
) -> None:
    reader, node, _ = stepped
    transactions = unread(mirror)
    step(reader)
    assert node.requests == 1
    mirror.rows("UPDATE mirror.block SET hash = sha256(hash) RETURNING 1")
    step(reader)
    assert unread(mirror) == transactions


def test_full_requests_follow_at_once_and_small_ones_after_a_pause(
    mirror: Mirror, stepped: tuple[GasReader, ReceiptEndpoint, Clock], monkeypatch: Any
) -> None:
    reader, node, clock = stepped
    every = unread(mirror)
    # So that the last request is not full.
    length = next(number for number in (5, 6, 7) if every % number)
    monkeypatch.setattr("indexer.sync.gas._MAX_PER_REQUEST", length)
    reader._length = length
    full = every // length
    for requests in range(1, full + 2):
        step(reader)
        assert node.requests == requests
    step(reader)
    assert unread(mirror) == 0
    mirror.rows(
        "UPDATE mirror.transaction SET gas_used = NULL WHERE block ="
        " (SELECT max(block) FROM mirror.transaction) RETURNING 1"
    )
    reader.restart_from(0)
    step(reader)
    assert node.requests == full + 1
    clock.now_s += 0.3
    step(reader)
    step(reader)
    assert node.requests == full + 2
    assert unread(mirror) == 0


def test_missing_receipts_are_requested_again_after_ten_minutes(
    mirror: Mirror, stepped: tuple[GasReader, ReceiptEndpoint, Clock]
) -> None:
    reader, node, clock = stepped
    node.knows = False
    for _ in range(50):
        step(reader)
        clock.now_s += 1
    assert node.requests == 1
    node.knows = True
    clock.now_s += 600
    for _ in range(3):
        step(reader)
        clock.now_s += 1
    assert unread(mirror) == 0
    assert node.requests == 2
    clock.now_s += 2_000
    for _ in range(3):
        step(reader)
    assert node.requests == 2


def test_failed_request_pauses_the_reader(
    mirror: Mirror, stepped: tuple[GasReader, ReceiptEndpoint, Clock]
) -> None:
    reader, node, clock = stepped
    node.fails = True
    for _ in range(4):
        step(reader)
        clock.now_s += 1
    assert node.requests == 1
    node.fails = False
    step_until_read(mirror, reader, clock)
    assert unread(mirror) == 0


def test_throttled_request_gets_shorter(
    mirror: Mirror, stepped: tuple[GasReader, ReceiptEndpoint, Clock]
) -> None:
    """However the node says that it is: here it wants to be asked later, again and again."""
    reader, node, clock = stepped
    node.max_receipts = 3
    step_until_read(mirror, reader, clock)
    assert unread(mirror) == 0


def test_receipt_that_always_fails_is_skipped_until_the_retry_pass(
    mirror: Mirror, stepped: tuple[GasReader, ReceiptEndpoint, Clock]
) -> None:
    reader, node, clock = stepped
    (failing,) = mirror.rows("SELECT tx_hash FROM mirror.transaction ORDER BY block LIMIT 1")[0]
    node.failing_tx = "0x" + failing.hex()
    for _ in range(200):
        step(reader)
        clock.now_s += 1
    assert mirror.rows("SELECT tx_hash FROM mirror.transaction WHERE gas_used IS NULL") == [
        (failing,)
    ]
    node.failing_tx = ""
    clock.now_s += 600
    step_until_read(mirror, reader, clock)
    assert unread(mirror) == 0


def test_new_transactions_come_before_the_retry_pass(
    mirror: Mirror, stepped: tuple[GasReader, ReceiptEndpoint, Clock]
) -> None:
    reader, node, clock = stepped
    newest = "WHERE block = (SELECT max(block) FROM mirror.transaction)"
    mirror.rows(f"UPDATE mirror.transaction SET gas_used = 1 {newest} RETURNING 1")
    node.knows = False
    for _ in range(3):
        step(reader)
        clock.now_s += 1
    reader._length, node.knows = 1, True
    clock.now_s += 600
    step(reader)
    step(reader)
    mirror.rows(f"UPDATE mirror.transaction SET gas_used = NULL {newest} RETURNING 1")
    clock.now_s += 1
    step(reader)
    clock.now_s += 1
    step(reader)
    assert mirror.rows(f"SELECT count(gas_used) FROM mirror.transaction {newest}") == [(1,)]
    assert unread(mirror) > 0
    step_until_read(mirror, reader, clock)
    assert unread(mirror) == 0


def test_forks_do_not_start_a_second_request(
    mirror: Mirror, stepped: tuple[GasReader, ReceiptEndpoint, Clock]
) -> None:
    reader, node, clock = stepped
    node.free.clear()
    try:
        for _ in range(4):
            reader.step()
            reader.restart_from(0)
            clock.now_s += 1
        wait_until(lambda: node.requests == 1)
    finally:
        node.free.set()
    step_until_read(mirror, reader, clock)
    assert unread(mirror) == 0
