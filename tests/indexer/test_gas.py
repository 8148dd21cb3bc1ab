"""The gas of batches is that of their transactions' receipts.

Branches: equal to the node's receipts, on both chains · divided among slips and bets, in
transactions of one batch and of two · null until read, in part too · a receipt without a price ·
the maximum.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest

from protocol.market_id import fixture_id
from protocol.typed_data import Result
from tests.indexer.faulty_node import FaultyNode
from tests.indexer.mirror import Mirror
from tests.indexer.receipts import RECEIPT, unread
from tests.support.house import House, Wanted
from tests.support.slips import Pick, make_market
from tests.support.terms import UNIT


def settle_together(house: House) -> tuple[int, int]:
    """Place a batch of four bets and one of one bet, and settle both in one transaction."""
    eve, name = house.open_account(), "Two v Batches, 2025-06-01"
    start_s = house.now_s() + 500
    pick = Pick(make_market(starts_at_s=start_s, name=name), 0, name=name)
    one = house.place(*(Wanted(eve, (pick,), UNIT) for _ in range(4)))
    two = house.place(Wanted(eve, (pick,), UNIT))
    house.travel(600)
    house.publish(Result(fixture_id(name), 1, 0, 0, 1, 0, start_s))
    house.pass_dispute_window()
    house.settle((one, 0, 4), (two, 0, 1))
    return one, two


def test_gas_equals_the_receipts_of_the_node(house: House, mirror: Mirror) -> None:
    mirror.catch_up()
    web3 = house.node.web3
    rows = mirror.rows("SELECT tx_hash, block, gas_used, gas_price_wei FROM mirror.transaction")
    receipts = [web3.eth.get_transaction_receipt(tx) for tx, *_ in rows]
    assert [tuple(row[1:]) for row in rows] == [
        (receipt["blockNumber"], receipt["gasUsed"], receipt["effectiveGasPrice"])
        for receipt in receipts
    ]
    transactions = mirror.rows(
        "SELECT tx_hash FROM mirror.batch UNION SELECT tx_hash FROM mirror.settlement"
    )
    assert sorted(transactions) == sorted((row[0],) for row in rows)
    assert len(rows) > 10


def shares(mirror: Mirror, gas: Mapping[bytes, int]) -> dict[int, list[Fraction]]:
    """The gas of placing and of settling by batch, computed from the rows of single bets."""
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


def test_batch_gas_divides_a_transaction_among_slips_and_bets(house: House, mirror: Mirror) -> None:
    one, two = settle_together(house)
    mirror.catch_up()
    web3 = house.node.web3
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


def test_batch_gas_is_null_until_all_receipts_are_read(
    house: House, faulty_mirror: Mirror, faulty: FaultyNode
) -> None:
    def without_receipts(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        return answer | {"result": None} if request["method"] == RECEIPT else answer

    faulty.fault = without_receipts
    faulty_mirror.catch_up()
    query = "SELECT batch, placing_gas, settling_gas FROM mirror.batch_gas ORDER BY batch"
    settled = {row[0] for row in faulty_mirror.rows("SELECT batch FROM mirror.settlement")}
    blank = faulty_mirror.rows(query)
    assert all(placing is None for _, placing, _ in blank)
    assert {batch for batch, _, settling in blank if settling is None} == settled
    assert {settling for batch, _, settling in blank if batch not in settled} == {0}
    # A batch that was settled by three transactions, of which one is not read yet.
    faulty.fault = lambda request, answer: answer
    faulty_mirror.catch_up()
    faulty_mirror.rows(
        "UPDATE mirror.transaction SET gas_used = NULL WHERE tx_hash ="
        " (SELECT tx_hash FROM mirror.settlement WHERE batch = 1 ORDER BY block DESC LIMIT 1)"
        " RETURNING 1"
    )
    first = faulty_mirror.rows(query)[0]
    assert first[1] > 0
    assert first[2] is None


@pytest.mark.parametrize("shared_house", ["anvil"], indirect=True)
def test_receipt_without_price_leaves_wei_null(faulty_mirror: Mirror, faulty: FaultyNode) -> None:
    def unpriced(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if request["method"] == RECEIPT:
            del answer["result"]["effectiveGasPrice"]
        return answer

    faulty.fault = unpriced
    faulty_mirror.catch_up()
    assert unread(faulty_mirror) == 0
    assert faulty_mirror.rows(
        "SELECT DISTINCT gas_price_wei, placing_wei, settling_wei FROM mirror.batch_gas"
        " JOIN mirror.batch USING (deployment, batch) JOIN mirror.transaction"
        " USING (deployment, block, tx_hash) WHERE settling_gas > 0"
    ) == [(None, None, None)]


@pytest.mark.parametrize("shared_house", ["anvil"], indirect=True)
def test_maximum_gas_does_not_overflow_the_view(faulty_mirror: Mirror, faulty: FaultyNode) -> None:
    def most(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if request["method"] == RECEIPT:
            answer["result"] |= {"gasUsed": hex(2**40), "effectiveGasPrice": hex(2**63 - 1)}
        return answer

    faulty.fault = most
    faulty_mirror.catch_up()
    assert unread(faulty_mirror) == 0
    assert faulty_mirror.rows(
        "SELECT max(settling_wei) > 2^99, min(placing_gas) FROM mirror.batch_gas"
    )
    faulty_mirror.rows("DELETE FROM mirror.transaction WHERE slips = 0 RETURNING 1")
    assert faulty_mirror.rows("SELECT settling_gas FROM mirror.batch_gas WHERE batch = 1") == [
        (None,)
    ]
