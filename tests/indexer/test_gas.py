"""The gas of batches comes from receipts, behind the blocks, and nothing waits for it.

Branches: equal to the node's receipts, on both chains · shared out among slips and bets, in
transactions of one batch and of two · null until it is read, in part too · the running indexer
reads it by itself, does not wait for a block to go on, and ends while a receipt is waited for ·
receipts that cannot be, or that say the most that is believed · an endpoint without a price ·
large answers, by refusal and by throttle · one that is refused or fails alone · endpoints that
differ, two and three; that know nothing or no price, that fail · no block waits for a receipt · a
block that is replaced while its receipts are asked for, by this process or another · forks
meanwhile · a shorter chain · several blocks, one request · what nobody knows is asked for again,
and after what is new · no endpoint answers · a mirror from before has its transactions.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from sqlalchemy import create_engine

from indexer.chain import new_heads as wake
from indexer.chain.endpoints import Endpoints
from indexer.chain.rpc import Endpoint
from indexer.errors import Throttled, Unreachable
from indexer.mirror.migrate import alembic_config
from indexer.service import Indexer
from indexer.sync.gas import GasReader, Unread, read_gas
from indexer.sync.sync import SHORTER_CHAIN_PATIENCE_S
from protocol.market_id import fixture_id
from protocol.typed_data import Result
from tests.indexer.faulty import Broken, FaultyNode
from tests.indexer.house import House, Pick, Wanted, market
from tests.indexer.mirror import Mirror, Tables, mirror_of
from tests.indexer.test_process import LIMIT_S, Processes, processes, until  # noqa: F401
from tests.indexer.test_process import level as is_level
from tests.indexer.test_reorgs import play_more
from tests.support.nodes import CHAIN_ID
from tests.support.sportsbook import Bettor
from tests.support.terms import UNIT

RECEIPT = "eth_getTransactionReceipt"
UNREAD = "SELECT count(*) FROM mirror.transaction WHERE gas_used IS NULL"


def _of(season: tuple[House, Path]) -> tuple[Any, Path]:
    return season[0].book, season[1]


def unread(mirror: Mirror) -> int:
    return int(mirror.rows(UNREAD)[0][0])


def level(mirror: Mirror) -> None:
    """Up to the head, and what the running indexer does then: receipts may be on their way."""
    while mirror.sync.advance():
        pass
    mirror.sync.gas.step()


def settle_together(house: House) -> tuple[int, int]:
    """Two more batches, of four bets and of one, settled by one transaction."""
    eve, name = house.book.open_account(), "Two v Batches, 2025-06-01"
    start_s = house.book.now_s() + 500
    pick = Pick(name, market(name, start_s), 0)
    one = house.place(*(Wanted(eve, (pick,), UNIT) for _ in range(4)))
    two = house.place(Wanted(eve, (pick,), UNIT))
    house.book.travel(600)
    house.publish(Result(fixture_id(name), 1, 0, 0, 1, 0, start_s))
    house.final()
    house.settle((one, 0, 4), (two, 0, 1))
    return one, two


def test_gas_is_that_of_the_nodes_receipts(house: House, mirror: Mirror) -> None:
    mirror.catch_up()
    web3 = house.book.node.web3
    rows = mirror.rows("SELECT tx_hash, block, gas_used, gas_price_wei FROM mirror.transaction")
    receipts = [web3.eth.get_transaction_receipt(tx) for tx, *_ in rows]
    assert [tuple(row[1:]) for row in rows] == [
        (receipt["blockNumber"], receipt["gasUsed"], receipt["effectiveGasPrice"])
        for receipt in receipts
    ]
    told = mirror.rows(
        "SELECT tx_hash FROM mirror.batch UNION SELECT tx_hash FROM mirror.settlement"
    )
    assert sorted(told) == sorted((row[0],) for row in rows)
    assert len(rows) > 10


def shares(mirror: Mirror, gas: Mapping[bytes, int]) -> dict[int, list[Fraction]]:
    """By batch, the gas of placing and of settling, from the rows of bets alone."""
    parts: dict[bytes, list[tuple[int, int]]] = {}
    for batch, tx, slips in mirror.rows(
        "SELECT batch, tx_hash, placed + skipped FROM mirror.batch"
    ):
        parts.setdefault(tx, []).extend([(batch, 0)] * slips)
    for batch, tx in mirror.rows("SELECT batch, tx_hash FROM mirror.settlement"):
        parts.setdefault(tx, []).append((batch, 1))
    found: dict[int, list[Fraction]] = {}
    for tx, of in parts.items():
        for batch, part in of:
            found.setdefault(batch, [Fraction(0)] * 2)[part] += Fraction(gas[tx], len(of))
    return found


def test_gas_is_shared_out_among_slips_and_bets(house: House, mirror: Mirror) -> None:
    one, two = settle_together(house)
    mirror.catch_up()
    web3 = house.book.node.web3
    transactions = [tx for (tx,) in mirror.rows("SELECT tx_hash FROM mirror.transaction")]
    receipts = {bytes(tx): web3.eth.get_transaction_receipt(tx) for tx in transactions}
    expected = shares(mirror, {tx: receipt["gasUsed"] for tx, receipt in receipts.items()})
    rows = mirror.rows(
        "SELECT batch, placing_gas, settling_gas, placing_wei, settling_wei FROM mirror.batch_gas"
    )
    assert {batch for batch, *_ in rows} == expected.keys() >= {one, two}
    price = {receipt["effectiveGasPrice"] for receipt in receipts.values()}
    for batch, placing, settling, placing_wei, settling_wei in rows:
        exact = expected[batch]
        # Rounded down once for each transaction.
        assert 0 <= exact[0] - placing < 1
        assert 0 <= exact[1] - settling < 5
        assert min(price) <= placing_wei / placing <= max(price)
        assert not settling or min(price) <= settling_wei / settling <= max(price)
    together = {batch: row for batch, *row in rows}
    assert 3 < together[one][1] / together[two][1] < 5


def test_gas_is_null_until_it_is_read(house: House, through: Mirror, faulty: FaultyNode) -> None:
    def without_receipts(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        return answer | {"result": None} if request["method"] == RECEIPT else answer

    faulty.fault = without_receipts
    through.catch_up()
    query = "SELECT batch, placing_gas, settling_gas FROM mirror.batch_gas ORDER BY batch"
    settled = {row[0] for row in through.rows("SELECT batch FROM mirror.settlement")}
    blank = through.rows(query)
    assert all(placing is None for _, placing, _ in blank)
    assert {batch for batch, _, settling in blank if settling is None} == settled
    assert {settling for batch, _, settling in blank if batch not in settled} == {0}
    # A batch that was settled by three transactions, of which one is not read yet.
    faulty.fault = lambda request, answer: answer
    through.catch_up()
    through.rows(
        "UPDATE mirror.transaction SET gas_used = NULL WHERE tx_hash ="
        " (SELECT tx_hash FROM mirror.settlement WHERE batch = 1 ORDER BY block DESC LIMIT 1)"
        " RETURNING 1"
    )
    first = through.rows(query)[0]
    assert first[1] > 0
    assert first[2] is None


def grown(mirror: Mirror, query: str, before: list[tuple[Any, ...]]) -> bool:
    return mirror.rows(query) > before


@pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)
def test_running_indexer_reads_gas_by_itself(
    house: House,
    mirror: Mirror,
    processes: Processes,  # noqa: F811
    clean: Callable[[], Tables],
) -> None:
    processes.start()
    count = "SELECT count(*) FROM mirror.transaction"
    for bets in (2, 3):
        before = mirror.rows(count)
        play_more(house, bets)
        until(partial(grown, mirror, count, before))
        until(is_level(mirror, house))
        until(lambda: unread(mirror) == 0)
    assert mirror.tables() == clean()


@pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)
def test_receipts_follow_each_other_without_a_block_between(
    house: House, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.sync.gas._MOST_A_REQUEST", 1)
    monkeypatch.setattr(wake, "POLL_S", LIMIT_S)
    monkeypatch.setattr(wake, "POLL_SUBSCRIBED_S", LIMIT_S)
    indexer = Indexer(mirror.url, [house.book.node.url], mirror.deployment, mirror.finality)
    running = threading.Thread(target=indexer.run)
    running.start()
    try:
        until(lambda: mirror.rows("SELECT count(*) FROM mirror.transaction") > [(10,)])
        until(lambda: unread(mirror) == 0)
    finally:
        indexer.stop()
        running.join()


def no_receipt(answer: dict[str, Any]) -> Any:
    return None


def of_another_block(answer: dict[str, Any]) -> Any:
    return answer | {"blockHash": "0x" + "11" * 32}


def of_another_transaction(answer: dict[str, Any]) -> Any:
    return answer | {"transactionHash": "0x" + "22" * 32}


def without_gas(answer: dict[str, Any]) -> Any:
    return {key: value for key, value in answer.items() if key != "gasUsed"}


def gas_of_nothing(answer: dict[str, Any]) -> Any:
    return answer | {"gasUsed": "0x0"}


def gas_beyond_any_block(answer: dict[str, Any]) -> Any:
    return answer | {"gasUsed": hex(2**40 + 1)}


def price_beyond_a_column(answer: dict[str, Any]) -> Any:
    return answer | {"effectiveGasPrice": hex(2**63)}


def gas_in_words(answer: dict[str, Any]) -> Any:
    return answer | {"gasUsed": "much"}


def hash_that_is_a_number(answer: dict[str, Any]) -> Any:
    return answer | {"blockHash": 7}


def a_word(answer: dict[str, Any]) -> Any:
    return "receipt"


IMPOSSIBLE = (
    *(no_receipt, of_another_block, of_another_transaction, without_gas, gas_of_nothing),
    *(gas_beyond_any_block, price_beyond_a_column, gas_in_words, hash_that_is_a_number, a_word),
)


@pytest.mark.parametrize("change", IMPOSSIBLE, ids=lambda change: change.__name__)
@pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)
def test_receipt_that_cannot_be_is_not_believed(
    through: Mirror,
    faulty: FaultyNode,
    clean: Callable[[], Tables],
    change: Callable[[dict[str, Any]], Any],
) -> None:
    def fault(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if request["method"] != RECEIPT:
            return answer
        return answer | {"result": change(answer["result"])}

    faulty.fault = fault
    through.catch_up()
    assert through.rows("SELECT count(*) FROM mirror.transaction") == [(unread(through),)]
    faulty.fault = lambda request, answer: answer
    through.catch_up()
    assert through.tables() == clean()


@pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)
def test_gas_without_a_price(through: Mirror, faulty: FaultyNode) -> None:
    def unpriced(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if request["method"] == RECEIPT:
            del answer["result"]["effectiveGasPrice"]
        return answer

    faulty.fault = unpriced
    through.catch_up()
    assert unread(through) == 0
    assert through.rows(
        "SELECT DISTINCT gas_price_wei, placing_wei, settling_wei FROM mirror.batch_gas"
        " JOIN mirror.batch USING (deployment, batch) JOIN mirror.transaction"
        " USING (deployment, block, tx_hash) WHERE settling_gas > 0"
    ) == [(None, None, None)]


@pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)
def test_large_answer_is_asked_for_in_halves(
    through: Mirror, faulty: FaultyNode, clean: Callable[[], Tables], monkeypatch: Any
) -> None:
    genuine = faulty.answer

    def small(body: bytes) -> bytes:
        if body.count(RECEIPT.encode()) > 3:
            raise Broken(413, b"too large")
        return genuine(body)

    monkeypatch.setattr(faulty, "answer", small)
    through.catch_up()
    assert through.tables() == clean()


@pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)
def test_one_receipt_that_is_refused_holds_up_no_other(through: Mirror, faulty: FaultyNode) -> None:
    through.catch_up()
    (unlucky,) = through.rows("SELECT tx_hash FROM mirror.transaction ORDER BY block LIMIT 1")[0]

    def refuse_one(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if request["method"] == RECEIPT and request["params"] == ["0x" + unlucky.hex()]:
            return {"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32000}}
        return answer

    through.rows("UPDATE mirror.transaction SET gas_used = NULL, gas_price_wei = NULL RETURNING 1")
    faulty.fault = refuse_one
    through.catch_up()
    assert through.rows("SELECT tx_hash FROM mirror.transaction WHERE gas_used IS NULL") == [
        (unlucky,)
    ]


@pytest.mark.parametrize("endpoints", [2, 3])
@pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)
def test_where_endpoints_differ_two_are_believed_and_one_is_not(
    season: tuple[House, Path],
    fresh_database: str,
    faulty: FaultyNode,
    clean: Callable[[], Tables],
    endpoints: int,
) -> None:
    def more(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if request["method"] == RECEIPT:
            answer["result"]["gasUsed"] = "0x7777"
        return answer

    faulty.fault = more
    node = season[0].book.node.url
    urls = [faulty.address, node, node.replace("127.0.0.1", "localhost")][:endpoints]
    with mirror_of(fresh_database, *_of(season), *urls) as mirror:
        mirror.catch_up()
        if endpoints == 2:
            assert mirror.rows("SELECT count(*) FROM mirror.transaction") == [(unread(mirror),)]
            faulty.fault = lambda request, answer: answer
            mirror.catch_up()
        assert mirror.tables() == clean()


@contextmanager
def receipts_held(faulty: FaultyNode) -> Iterator[Callable[[], None]]:
    """Receipts are not answered until the yielded function is called."""
    free = threading.Event()

    def hold(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if request["method"] == RECEIPT:
            assert free.wait(20)
        return answer

    faulty.fault = hold
    try:
        yield free.set
    finally:
        free.set()


def let_through(mirror: Mirror, free: Callable[[], None]) -> None:
    """What was held is answered, and the answer has come."""
    answer = mirror.sync.gas._answer
    free()
    if answer is not None:
        answer.result(20)


@pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)
def test_no_block_waits_for_a_receipt(house: House, through: Mirror, faulty: FaultyNode) -> None:
    with receipts_held(faulty) as free:
        level(through)
        transactions = unread(through)
        play_more(house, 2)
        level(through)
        head = house.book.node.web3.eth.block_number
        assert through.rows("SELECT head_block FROM mirror.deployment") == [(head,)]
        assert unread(through) > transactions
        let_through(through, free)
        level(through)
        assert unread(through) < transactions


def without_gas_again(mirror: Mirror) -> None:
    mirror.rows("UPDATE mirror.transaction SET gas_used = NULL, gas_price_wei = NULL RETURNING 1")
    mirror.sync.gas.start_from(0)
    mirror.sync.gas._ask_at = 0


def read_on(mirror: Mirror) -> None:
    """As the running indexer does when nothing happens."""
    for _ in range(100):
        level(mirror)
        if not unread(mirror):
            return
        mirror.sync.gas._ask_at = 0
        time.sleep(0.01)


def set_back(house: House, snapshot: str, people: list[tuple[Bettor, int]]) -> None:
    house.book.node.rpc("evm_revert", snapshot)
    del house.book.bettors[len(people) :]
    for bettor, nonce in people:
        bettor.nonce = nonce


def test_block_replaced_while_its_receipts_are_asked_for_gets_its_own(
    season: tuple[House, Path], through: Mirror, faulty: FaultyNode, clean: Callable[[], Tables]
) -> None:
    house = season[0]
    snapshot = house.book.node.rpc("evm_snapshot")
    people = [(bettor, bettor.nonce) for bettor in house.book.bettors]
    play_more(house, 2)
    through.catch_up()
    without_gas_again(through)
    with receipts_held(faulty) as free:
        level(through)
        assert through.sync.gas._answer is not None
        set_back(house, snapshot, people)
        house.book.node.mine(1)
        play_more(house, 3)
        level(through)
        free()
    read_on(through)
    assert through.tables() == clean()


def test_blocks_of_a_chain_that_was_shorter_for_a_while_get_their_gas(
    house: House, mirror: Mirror, clean: Callable[[], Tables]
) -> None:
    snapshot = house.book.node.rpc("evm_snapshot")
    people = [(bettor, bettor.nonce) for bettor in house.book.bettors]
    play_more(house, 2)
    level(mirror)
    read_on(mirror)
    set_back(house, snapshot, people)
    now_s = [0.0]
    mirror.sync._clock = lambda: now_s[0]
    assert not mirror.sync.advance()
    now_s[0] = SHORTER_CHAIN_PATIENCE_S + 1
    assert mirror.sync.advance()
    play_more(house, 3)
    level(mirror)
    read_on(mirror)
    assert mirror.tables() == clean()


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Counting(Endpoint):
    """Counts what is asked of a node, or fails all of it."""

    def __init__(self, url: str) -> None:
        super().__init__(url, CHAIN_ID)
        self.requests = 0
        self.fails = False
        self.knows = self.priced = True
        self.most = 50
        self.unlucky = ""
        self.free = threading.Event()
        self.free.set()

    def batch(self, calls: Any) -> list[Any]:
        if not calls or calls[0][0] != RECEIPT:
            return super().batch(calls)
        self.requests += 1
        assert self.free.wait(20)
        if len(calls) > self.most:
            raise Throttled("later")
        if self.fails or any(params == [self.unlucky] for _, params in calls):
            raise Unreachable("no answer")
        if not self.knows:
            return [None] * len(calls)
        answers = super().batch(calls)
        return [a if self.priced else a | {"effectiveGasPrice": None} for a in answers]


@pytest.fixture
def by_hand(house: House, mirror: Mirror) -> Iterator[tuple[GasReader, Counting, Clock]]:
    """A reader whose clock is moved by hand, on a mirror without gas."""
    mirror.catch_up()
    mirror.rows("UPDATE mirror.transaction SET gas_used = NULL, gas_price_wei = NULL RETURNING 1")
    clock, node = Clock(), Counting(house.book.node.url)
    with psycopg.connect(mirror.url, autocommit=True) as connection:
        yield GasReader(connection, 1, Endpoints([node]), clock=clock), node, clock


def step(reader: GasReader) -> None:
    reader.step()
    if reader._answer is not None:
        reader._answer.exception(20)


@pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)
def test_receipt_of_a_block_that_another_process_replaced_is_not_written(
    mirror: Mirror, by_hand: tuple[GasReader, Counting, Clock]
) -> None:
    reader, node, _ = by_hand
    transactions = unread(mirror)
    step(reader)
    assert node.requests == 1
    mirror.rows("UPDATE mirror.block SET hash = sha256(hash) RETURNING 1")
    step(reader)
    assert unread(mirror) == transactions


@pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)
def test_small_requests_come_some_time_apart_and_full_ones_at_once(
    mirror: Mirror, by_hand: tuple[GasReader, Counting, Clock], monkeypatch: Any
) -> None:
    reader, node, clock = by_hand
    monkeypatch.setattr("indexer.sync.gas._MOST_A_REQUEST", 5)
    reader._length = 5
    every = unread(mirror)
    full, rest = divmod(every, 5)
    assert rest
    for requests in range(1, full + 2):
        step(reader)
        assert node.requests == requests
    step(reader)
    assert unread(mirror) == 0
    mirror.rows(
        "UPDATE mirror.transaction SET gas_used = NULL WHERE block ="
        " (SELECT max(block) FROM mirror.transaction) RETURNING 1"
    )
    reader.start_from(0)
    step(reader)
    assert node.requests == full + 1
    clock.now_s += 0.3
    step(reader)
    step(reader)
    assert node.requests == full + 2
    assert unread(mirror) == 0


@pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)
def test_what_nobody_knows_is_asked_for_again_much_later(
    mirror: Mirror, by_hand: tuple[GasReader, Counting, Clock]
) -> None:
    reader, node, clock = by_hand
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


@pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)
def test_node_that_does_not_answer_is_left_alone_for_a_while(
    mirror: Mirror, by_hand: tuple[GasReader, Counting, Clock]
) -> None:
    reader, node, clock = by_hand
    node.fails = True
    for _ in range(4):
        step(reader)
        clock.now_s += 1
    assert node.requests == 1
    node.fails = False
    read_by_hand(mirror, reader, clock)
    assert unread(mirror) == 0


def read_by_hand(mirror: Mirror, reader: GasReader, clock: Clock) -> None:
    for _ in range(200):
        if not unread(mirror):
            return
        step(reader)
        clock.now_s += 1


@pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)
def test_request_that_is_too_much_gets_shorter(
    mirror: Mirror, by_hand: tuple[GasReader, Counting, Clock]
) -> None:
    """However the node says that it is: here it wants to be asked later, again and again."""
    reader, node, clock = by_hand
    node.most = 3
    read_by_hand(mirror, reader, clock)
    assert unread(mirror) == 0


@pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)
def test_receipt_that_always_fails_is_left_for_later(
    mirror: Mirror, by_hand: tuple[GasReader, Counting, Clock]
) -> None:
    reader, node, clock = by_hand
    (unlucky,) = mirror.rows("SELECT tx_hash FROM mirror.transaction ORDER BY block LIMIT 1")[0]
    node.unlucky = "0x" + unlucky.hex()
    for _ in range(200):
        step(reader)
        clock.now_s += 1
    assert mirror.rows("SELECT tx_hash FROM mirror.transaction WHERE gas_used IS NULL") == [
        (unlucky,)
    ]
    node.unlucky = ""
    clock.now_s += 600
    read_by_hand(mirror, reader, clock)
    assert unread(mirror) == 0


@pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)
def test_new_transactions_come_before_those_that_nobody_knew(
    mirror: Mirror, by_hand: tuple[GasReader, Counting, Clock]
) -> None:
    reader, node, clock = by_hand
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
    read_by_hand(mirror, reader, clock)
    assert unread(mirror) == 0


@pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)
def test_forks_start_no_second_request_while_one_is_answered(
    mirror: Mirror, by_hand: tuple[GasReader, Counting, Clock]
) -> None:
    reader, node, clock = by_hand
    node.free.clear()
    try:
        for _ in range(4):
            reader.step()
            reader.start_from(0)
            clock.now_s += 1
        until(lambda: node.requests == 1)
    finally:
        node.free.set()
    read_by_hand(mirror, reader, clock)
    assert unread(mirror) == 0


@pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)
def test_endpoints_are_asked_until_two_know_and_agree(house: House, mirror: Mirror) -> None:
    mirror.catch_up()
    wanted = [
        Unread(block, tx, hash_)
        for block, tx, hash_ in mirror.rows(
            "SELECT t.block, t.tx_hash, b.hash FROM mirror.transaction t JOIN mirror.block b"
            " ON b.number = t.block"
        )
    ]
    genuine = read_gas(Endpoint(house.book.node.url, CHAIN_ID), wanted)
    nodes = [Counting(house.book.node.url) for _ in range(3)]
    reader = GasReader(psycopg.connect(mirror.url), 1, Endpoints(nodes))
    assert reader._read(wanted) == genuine
    assert [node.requests for node in nodes] == [1, 1, 0]
    nodes[0].knows = nodes[1].knows = False
    assert reader._read(wanted) == genuine
    assert [node.requests for node in nodes] == [2, 2, 1]
    # One without a price, one that fails and is left alone.
    nodes[0].knows, nodes[0].priced = True, False
    nodes[1].fails = True
    for _ in range(2):
        assert reader._read(wanted) == genuine
    assert [node.requests for node in nodes] == [4, 3, 3]


@pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)
def test_most_gas_that_is_believed_breaks_no_view(through: Mirror, faulty: FaultyNode) -> None:
    def most(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if request["method"] == RECEIPT:
            answer["result"] |= {"gasUsed": hex(2**40), "effectiveGasPrice": hex(2**63 - 1)}
        return answer

    faulty.fault = most
    through.catch_up()
    assert unread(through) == 0
    assert through.rows("SELECT max(settling_wei) > 2^99, min(placing_gas) FROM mirror.batch_gas")
    through.rows("DELETE FROM mirror.transaction WHERE slips = 0 RETURNING 1")
    assert through.rows("SELECT settling_gas FROM mirror.batch_gas WHERE batch = 1") == [(None,)]


@pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)
def test_process_ends_at_once_while_a_receipt_is_waited_for(
    house: House,
    mirror: Mirror,
    processes: Processes,  # noqa: F811
    faulty: FaultyNode,
) -> None:
    with receipts_held(faulty):
        running = processes.start(RPC_URL=faulty.address)
        until(lambda: RECEIPT in faulty.asked)
        running.terminate()
        assert running.wait(5) == 0


def test_mirror_from_before_has_its_transactions_and_reads_their_gas(
    house: House, mirror: Mirror, clean: Callable[[], Tables], fresh_database: str
) -> None:
    mirror.catch_up()
    with create_engine(fresh_database).connect() as connection:
        for move, revision in ((command.downgrade, "0004"), (command.upgrade, "head")):
            move(alembic_config(connection), revision)
            connection.commit()
    assert mirror.rows("SELECT count(*) FROM mirror.transaction") == [(unread(mirror),)]
    assert mirror.rows("SELECT commission_bps FROM mirror.deployment") == [(None,)]
    mirror.restart()
    mirror.catch_up()
    assert mirror.tables() == clean()
