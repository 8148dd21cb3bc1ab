"""A node's cap on whole fees, a budget per hour, and prices that no node took leave the key free.

Branches: an offer within the cap · waited out · given up and sent smaller · a cancellation priced
by what a node took · a key that is stuck already · the budget · refusals of the sender · a fault is
logged once, and its end once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from backend.transactions.delivery import Delivery, DeliveryPolicy
from backend.transactions.gas import FEE_CAP_GAS_MIN
from backend.transactions.node import Node
from backend.transactions.outbox import Outbox
from protocol.limits import TRANSACTION_GAS_MAX
from tests.backend.transactions.test_delivery import (
    GWEI,
    SIGNER,
    intend,
    pump_until,
    rows,
    statuses,
)
from tests.indexer.faulty_node import FaultyNode, faulty_node
from tests.support.nodes import CHAIN_ID, TestNode

ETHER = 10**18
CAP_WEI = ETHER
BIG_GAS = 5_000_000
SPIKE_WEI = 300 * GWEI


class Clock:
    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def terms(request: dict[str, Any]) -> dict[str, Any]:
    """Gas, fees and data of the transaction in a request."""
    raw = HexBytes(request["params"][0])
    return dict(TypedTransaction.from_bytes(raw).as_dict())


@contextmanager
def capped(node: TestNode, cap_wei: int = CAP_WEI) -> Iterator[FaultyNode]:
    """The node, behind geth's check of RPCTxFeeCap (internal/ethapi: checkTxFee)."""

    def refuse(request: dict[str, Any]) -> str | None:
        if request["method"] != "eth_sendRawTransaction":
            return None
        offered = terms(request)
        fee_wei = offered["gas"] * offered["maxFeePerGas"]
        if fee_wei <= cap_wei:
            return None
        return (
            f"tx fee ({fee_wei / ETHER:.2f} ether) exceeds the configured cap"
            f" ({cap_wei / ETHER:.2f} ether)"
        )

    with faulty_node(node.url) as proxy:
        proxy.refuse = refuse
        yield proxy


def spike(node: TestNode, base_fee_wei: int = SPIKE_WEI) -> None:
    node.rpc("anvil_setNextBlockBaseFeePerGas", hex(base_fee_wei))
    node.mine()


def calm(node: TestNode) -> None:
    spike(node, GWEI)


def deliverer(engine: Engine, url: str, now: Clock, **policy: Any) -> Delivery:
    chosen = {"confirmations": 0, "bump_after_s": 30, "fee_cap_wei": 500 * GWEI} | policy
    return Delivery(engine, Node(url, CHAIN_ID), SIGNER, DeliveryPolicy(**chosen), now)


def events(logged: Any) -> list[str]:
    return [entry["event"] for entry in logged]


def test_offer_is_lowered_to_the_nodes_cap_while_that_pays_for_the_next_block(
    engine: Engine, anvil: TestNode
) -> None:
    intend(engine, anvil, b"batch", gas_limit=2_500_000)
    spike(anvil)
    with capped(anvil) as node:
        deliverer(engine, node.address, Clock()).pump()
    (row,) = rows(engine)
    assert row.status == "sent"
    assert row.max_fee_wei == CAP_WEI // 2_500_000
    assert row.max_fee_wei > SPIKE_WEI
    assert anvil.inputs_from(SIGNER.address) == [b"batch"]


def test_key_whose_batch_is_above_the_nodes_cap_is_free_again_when_it_is_calm(
    engine: Engine, anvil: TestNode
) -> None:
    intend(engine, anvil, b"batch", b"behind it", gas_limit=BIG_GAS)
    spike(anvil)
    with capped(anvil) as node, capture_logs() as logged:
        subject = deliverer(engine, node.address, Clock())
        for _ in range(10):
            subject.pump()
        assert statuses(engine) == ["prepared", "prepared"]
        assert anvil.inputs_from(SIGNER.address) == []
        calm(anvil)
        pump_until(subject, engine, anvil, ["mined", "mined"])
    assert anvil.inputs_from(SIGNER.address) == [b"batch", b"behind it"]
    # A lasting fault is logged once, and its end once.
    assert events(logged).count("transaction.fee_refused") == 1
    assert events(logged).count("transaction.unblocked") == 1


def test_batch_that_stays_above_the_nodes_cap_gives_its_nonce_away_and_later_ones_are_smaller(
    engine: Engine, anvil: TestNode
) -> None:
    clock = Clock()
    intend(engine, anvil, b"batch", gas_limit=BIG_GAS)
    spike(anvil)
    with capped(anvil) as node:
        subject = deliverer(engine, node.address, clock)
        subject.pump()
        clock.now_s += 30
        subject.pump()
        anvil.hold_blocks()
        subject.pump()
        anvil.release_blocks()
        pump_until(subject, engine, anvil, ["replaced"])
        # Nothing was taken before, so the empty transfer pays what the chain asks, and no more.
        with engine.connect() as connection:
            (fee,) = connection.execute(
                text("SELECT max_fee_wei FROM backend.transaction_attempt WHERE cancels")
            ).scalars()
        assert fee <= 500 * GWEI
        reader = Node(node.address, CHAIN_ID)
        outbox = Outbox(engine, reader, SIGNER.address, TRANSACTION_GAS_MAX)
        spike(anvil)
        cap = outbox.gas_cap(reader.head(), 0)
        assert FEE_CAP_GAS_MIN <= cap < BIG_GAS
        calm(anvil)
        assert outbox.gas_cap(reader.head(), 0) == TRANSACTION_GAS_MAX
    assert anvil.inputs_from(SIGNER.address) == [b""]


def test_small_transaction_is_never_given_up_for_its_fee(engine: Engine, anvil: TestNode) -> None:
    clock = Clock()
    intend(engine, anvil, b"slip", gas_limit=FEE_CAP_GAS_MIN)
    spike(anvil)
    with capped(anvil, CAP_WEI // 10) as node:
        subject = deliverer(engine, node.address, clock)
        for _ in range(5):
            clock.now_s += 30
            subject.pump()
        calm(anvil)
        pump_until(subject, engine, anvil, ["mined"])
    assert anvil.inputs_from(SIGNER.address) == [b"slip"]


def test_key_that_was_stuck_by_an_earlier_version_frees_itself(
    engine: Engine, anvil: TestNode
) -> None:
    """An attempt at MAX_FEE_GWEI that was refused, and a cancellation that had to outbid it."""
    intend(engine, anvil, b"batch", b"behind it")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO backend.transaction_attempt SELECT id, 0, '\\x01', '\\x01',"
                " 500000000000, 1000000000, false, false, 0 FROM backend.chain_transaction"
                " WHERE nonce = 0"
            )
        )
        connection.execute(
            text("UPDATE backend.chain_transaction SET cancelled = true WHERE nonce = 0")
        )
    pump_until(deliverer(engine, anvil.url, Clock()), engine, anvil, ["replaced", "mined"])
    assert anvil.inputs_from(SIGNER.address) == [b"", b"behind it"]


def test_refused_high_offer_is_not_paid_when_it_is_calm_again(
    engine: Engine, anvil: TestNode
) -> None:
    intend(engine, anvil, b"one")
    spike(anvil, 600 * GWEI)
    subject = deliverer(engine, anvil.url, Clock())
    subject.pump()
    assert statuses(engine) == ["prepared"]
    calm(anvil)
    pump_until(subject, engine, anvil, ["mined"])
    (row,) = rows(engine)
    assert row.max_fee_wei is not None
    assert row.max_fee_wei < 10 * GWEI


def test_fees_of_an_hour_stay_within_the_budget(engine: Engine, anvil: TestNode) -> None:
    clock = Clock()
    payloads = [bytes((65 + i,)) for i in range(6)]
    intend(engine, anvil, *payloads, gas_limit=100_000)
    spike(anvil, 100 * GWEI)
    budget = 25 * ETHER // 1000
    subject = deliverer(engine, anvil.url, clock, fees_per_hour_wei=budget)
    with capture_logs() as logged:
        for _ in range(12):
            spike(anvil, 100 * GWEI)
            subject.pump()
            anvil.mine()
    sent = len(anvil.inputs_from(SIGNER.address))
    assert 0 < sent < 6
    paid = sum(int(row.fee_wei or 0) for row in rows(engine))
    assert 0 < paid <= budget
    assert events(logged).count("transaction.fee_budget_reached") >= 1
    clock.now_s += 3_601
    for _ in range(12):
        calm(anvil)
        subject.pump()
    assert anvil.inputs_from(SIGNER.address) == payloads


def test_fee_of_a_transaction_is_what_its_sender_paid(engine: Engine, node: TestNode) -> None:
    before = int(node.rpc("eth_getBalance", SIGNER.address, "latest"), 16)
    intend(engine, node, b"one")
    pump_until(deliverer(engine, node.url, Clock()), engine, node, ["mined"])
    (row,) = rows(engine)
    assert row.fee_wei == before - int(node.rpc("eth_getBalance", SIGNER.address, "latest"), 16) > 0
    assert row.included_s == 1_000


@pytest.mark.parametrize("message", ["invalid sender", "transaction type not supported"])
def test_refusal_of_the_sender_gives_nothing_up(
    engine: Engine, anvil: TestNode, message: str
) -> None:
    intend(engine, anvil, b"one")
    with faulty_node(anvil.url) as node, capture_logs() as logged:
        node.refuse = lambda r: message if r["method"] == "eth_sendRawTransaction" else None
        subject = deliverer(engine, node.address, Clock())
        for _ in range(3):
            subject.pump()
        assert [row.cancelled for row in rows(engine)] == [False]
        node.refuse = lambda request: None
        pump_until(subject, engine, anvil, ["mined"])
    assert events(logged).count("transaction.sender_refused") == 1
    assert anvil.inputs_from(SIGNER.address) == [b"one"]


def test_attempt_whose_answer_was_lost_is_outbid_by_its_cancellation(
    engine: Engine, anvil: TestNode
) -> None:
    """The node took the attempt; we only saw an error, and then it refused the payload."""
    anvil.hold_blocks()
    intend(engine, anvil, b"one")
    with faulty_node(anvil.url) as node:
        subject = deliverer(engine, node.address, Clock())
        subject.pump()
        with engine.begin() as connection:
            connection.execute(text("UPDATE backend.transaction_attempt SET taken = false"))
            connection.execute(
                text("UPDATE backend.chain_transaction SET cancelled = true, status = 'prepared'")
            )
        subject.pump()
    anvil.release_blocks()
    pump_until(deliverer(engine, anvil.url, Clock()), engine, anvil, ["replaced"])
    assert anvil.inputs_from(SIGNER.address) == [b""]
