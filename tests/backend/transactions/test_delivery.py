"""Each prepared transaction reaches the chain once, whatever the node or the chain does.

Branches: sent and confirmed · known key · forgotten by the node · stuck because of its fee · fee
cap · undone by a reorg · nonce used by another program · refused for good · refused for its gas
limit · sender without funds · concurrent deliveries.
"""

from __future__ import annotations

import signal
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_utils.address import to_checksum_address
from sqlalchemy import Engine
from sqlmodel import Session, select
from structlog.testing import capture_logs

from backend.transactions.delivery import Delivery, DeliveryPolicy
from backend.transactions.errors import NodeUnreachable, WrongChain
from backend.transactions.gas import LEARNT_CAP_LIFE_S
from backend.transactions.node import Call, Node
from backend.transactions.outbox import Outbox
from backend.transactions.signer import LocalSigner
from backend.transactions.store import Intent, prepare
from backend.transactions.tables import ChainTransaction, TransactionKind
from protocol.limits import TRANSACTION_GAS_MAX
from tests.support.nodes import CHAIN_ID, TestNode, key

GWEI = 10**9
TARGET = to_checksum_address("0x" + "fa" * 20)
SIGNER = LocalSigner(key(3))


def delivery(engine: Engine, node: TestNode, **policy: int) -> Delivery:
    chosen = {"confirmations": 2, "bump_after_s": 600, "fee_cap_wei": 500 * GWEI} | policy
    return Delivery(engine, Node(node.url, CHAIN_ID), SIGNER, DeliveryPolicy(**chosen))


def intend(
    engine: Engine, node: TestNode, *payloads: bytes, gas_limit: int = 60_000
) -> list[uuid.UUID]:
    chain_nonce = Node(node.url, CHAIN_ID).nonce(SIGNER.address)
    ids = []
    for data in payloads:
        call = Call(TARGET, data, gas_limit)
        intent = Intent(TransactionKind.PLACE, f"test:{data.hex()}", call)
        with Session(engine) as session, session.begin():
            ids.append(prepare(session, intent, SIGNER.address, CHAIN_ID, chain_nonce, 0).id)
    return ids


def rows(engine: Engine) -> list[ChainTransaction]:
    with Session(engine) as session:
        return list(session.exec(select(ChainTransaction).order_by("nonce")).all())


def statuses(engine: Engine) -> list[str]:
    return [row.status for row in rows(engine)]


def wait_for_saves(state: Path, saves: int) -> None:
    """Wait until Anvil, which saves its state every second, has written the file again."""
    deadline = time.monotonic() + 20
    for _ in range(saves):
        before = state.stat().st_mtime_ns if state.exists() else 0
        while not state.exists() or state.stat().st_mtime_ns == before:
            assert time.monotonic() < deadline, "Anvil does not save its state"
            time.sleep(0.05)


def pump_until(subject: Delivery, engine: Engine, node: TestNode, wanted: list[str]) -> None:
    deadline = time.monotonic() + 20
    while statuses(engine) != wanted:
        assert time.monotonic() < deadline, f"still {statuses(engine)}, not {wanted}"
        subject.pump()
        node.mine()


def test_transactions_are_mined_in_order_and_confirmed_at_depth(
    engine: Engine, node: TestNode
) -> None:
    subject = delivery(engine, node)
    intend(engine, node, b"one", b"two", b"three")
    pump_until(subject, engine, node, ["mined"] * 3)
    assert node.inputs_from(SIGNER.address) == [b"one", b"two", b"three"]
    mined = rows(engine)
    assert [row.nonce for row in mined] == [0, 1, 2]
    assert all(row.gas_used and row.block and row.block_hash for row in mined)
    node.mine(2)
    subject.pump()
    assert all(row.confirmed for row in rows(engine))
    assert subject.pump() == {}


def test_transaction_is_not_confirmed_before_depth(engine: Engine, node: TestNode) -> None:
    subject = delivery(engine, node, confirmations=30)
    intend(engine, node, b"one")
    pump_until(subject, engine, node, ["mined"])
    node.mine(3)
    subject.pump()
    assert not rows(engine)[0].confirmed


def test_known_key_is_prepared_once(engine: Engine, node: TestNode) -> None:
    assert intend(engine, node, b"one") == intend(engine, node, b"one")
    pump_until(delivery(engine, node), engine, node, ["mined"])
    assert intend(engine, node, b"one")
    delivery(engine, node).pump()
    assert node.inputs_from(SIGNER.address) == [b"one"]


def test_nonce_continues_after_transactions_of_an_earlier_database(
    engine: Engine, node: TestNode
) -> None:
    _send_foreign(node, nonce=0)
    node.mine()
    intend(engine, node, b"one")
    assert rows(engine)[0].nonce == 1


def test_transactions_that_a_restarted_node_forgot_are_sent_again(
    engine: Engine, node: TestNode, tmp_path: Path
) -> None:
    node.mine()
    if node.kind == "anvil":
        wait_for_saves(tmp_path / "chain" / "anvil.json", 2)
    node.hold_blocks()
    subject = delivery(engine, node)
    intend(engine, node, b"one", b"two")
    subject.pump()
    assert statuses(engine) == ["sent", "sent"]
    node.stop(signal.SIGKILL)
    with pytest.raises(NodeUnreachable):
        subject.pump()
    node.start()
    assert node.inputs_from(SIGNER.address) == []
    pump_until(subject, engine, node, ["mined", "mined"])
    assert node.inputs_from(SIGNER.address) == [b"one", b"two"]


def test_stuck_transaction_is_replaced_by_one_with_higher_fees(
    engine: Engine, anvil: TestNode
) -> None:
    anvil.hold_blocks()
    intend(engine, anvil, b"one", b"two")
    delivery(engine, anvil).pump()
    first = rows(engine)
    anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(50 * GWEI))
    anvil.mine()
    assert anvil.inputs_from(SIGNER.address) == []
    impatient = delivery(engine, anvil, bump_after_s=0)
    pump_until(impatient, engine, anvil, ["mined", "mined"])
    assert anvil.inputs_from(SIGNER.address) == [b"one", b"two"]
    assert rows(engine)[0].hash != first[0].hash


def test_fee_never_rises_above_the_cap(engine: Engine, anvil: TestNode) -> None:
    anvil.hold_blocks()
    intend(engine, anvil, b"one")
    cap = rows_fee_cap = 4 * GWEI
    impatient = delivery(engine, anvil, bump_after_s=0, fee_cap_wei=cap)
    impatient.pump()
    anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(50 * GWEI))
    anvil.mine()
    for _ in range(12):
        impatient.pump()
    row = rows(engine)[0]
    assert row.max_fee_wei is not None
    assert 0 < row.max_fee_wei <= rows_fee_cap
    assert row.status == "sent"


def test_transaction_undone_by_a_reorg_is_mined_again(engine: Engine, anvil: TestNode) -> None:
    anvil.mine(3)
    subject = delivery(engine, anvil)
    intend(engine, anvil, b"one", b"two")
    pump_until(subject, engine, anvil, ["mined", "mined"])
    before = rows(engine)[0].block_hash
    anvil.rpc("anvil_reorg", 4, [])
    assert anvil.inputs_from(SIGNER.address) == []
    assert subject.pump() == {"return": 2}
    pump_until(subject, engine, anvil, ["mined", "mined"])
    assert anvil.inputs_from(SIGNER.address) == [b"one", b"two"]
    assert rows(engine)[0].block_hash != before


def test_transaction_undone_below_its_confirmations_is_mined_again(
    engine: Engine, node: TestNode
) -> None:
    snapshot = node.rpc("evm_snapshot")
    subject = delivery(engine, node, confirmations=1)
    intend(engine, node, b"one")
    pump_until(subject, engine, node, ["mined"])
    node.mine(3)
    subject.pump()
    assert rows(engine)[0].confirmed
    node.rpc("evm_revert", snapshot)
    assert node.inputs_from(SIGNER.address) == []
    node.mine()
    subject.pump()
    pump_until(subject, engine, node, ["mined"])
    assert node.inputs_from(SIGNER.address) == [b"one"]


def test_transaction_moved_to_another_block_is_followed(engine: Engine, anvil: TestNode) -> None:
    anvil.mine(2)
    subject = delivery(engine, anvil, confirmations=20)
    intend(engine, anvil, b"one")
    pump_until(subject, engine, anvil, ["mined"])
    first = rows(engine)[0]
    raw = anvil.rpc("eth_getRawTransactionByHash", "0x" + (first.hash or b"").hex())
    depth = anvil.web3.eth.block_number - (first.block or 0) + 1
    anvil.rpc("anvil_reorg", depth, [[raw, 0]])
    subject.pump()
    second = rows(engine)[0]
    assert second.status == "mined"
    assert second.block_hash != first.block_hash
    assert anvil.inputs_from(SIGNER.address) == [b"one"]


def test_transaction_whose_nonce_another_program_used_is_replaced_once_final(
    engine: Engine, node: TestNode
) -> None:
    subject = delivery(engine, node, confirmations=3)
    intend(engine, node, b"ours")
    _send_foreign(node, nonce=0)
    node.mine()
    subject.pump()
    assert statuses(engine) == ["prepared"]
    node.mine(3)
    subject.pump()
    assert statuses(engine) == ["replaced"]
    intend(engine, node, b"next")
    pump_until(subject, engine, node, ["replaced", "mined"])
    assert node.inputs_from(SIGNER.address) == [b"foreign", b"next"]


def test_refused_payload_gives_its_nonce_to_an_empty_transfer(
    engine: Engine, node: TestNode
) -> None:
    subject = delivery(engine, node)
    intend(engine, node, b"too large", gas_limit=2**40)
    intend(engine, node, b"behind it")
    with capture_logs() as logged:
        pump_until(subject, engine, node, ["replaced", "mined"])
    assert [entry["nonce"] for entry in logged if entry["event"] == "transaction.cancelled"] == [0]
    assert "transaction.replaced" not in {entry["event"] for entry in logged}
    assert node.inputs_from(SIGNER.address) == [b"", b"behind it"]


def test_cap_is_learnt_from_a_refused_gas_limit(engine: Engine, capped_anvil: TestNode) -> None:
    node = Node(capped_anvil.url, CHAIN_ID)
    outbox = Outbox(engine, node, SIGNER.address, TRANSACTION_GAS_MAX)
    head = node.head()
    assert head.gas_limit > TRANSACTION_GAS_MAX == outbox.gas_cap(head, 0)
    subject = delivery(engine, capped_anvil)
    intend(engine, capped_anvil, b"too much", gas_limit=20_000_000)
    intend(engine, capped_anvil, b"behind it", gas_limit=TRANSACTION_GAS_MAX)
    with capture_logs() as logged:
        pump_until(subject, engine, capped_anvil, ["replaced", "mined"])
    (refused,) = [e for e in logged if e["event"] == "transaction.gas_limit_refused"]
    assert (refused["gas_limit"], refused["next_gas_limit"]) == (20_000_000, 10_000_000)
    assert "MAX_TRANSACTION_GAS" in refused["meaning"]
    assert [row.gas_cap for row in rows(engine)] == [10_000_000, None]
    # The rows were prepared at time 0. In time the cap is tried again.
    assert outbox.gas_cap(head, LEARNT_CAP_LIFE_S) == 10_000_000
    assert outbox.gas_cap(head, LEARNT_CAP_LIFE_S + 1) == TRANSACTION_GAS_MAX
    assert capped_anvil.inputs_from(SIGNER.address) == [b"", b"behind it"]


def test_sender_without_funds_sends_after_a_top_up(engine: Engine, anvil: TestNode) -> None:
    anvil.rpc("anvil_setBalance", SIGNER.address, "0x0")
    subject = delivery(engine, anvil)
    intend(engine, anvil, b"one")
    subject.pump()
    assert statuses(engine) == ["prepared"]
    anvil.rpc("anvil_setBalance", SIGNER.address, hex(10**18))
    pump_until(subject, engine, anvil, ["mined"])
    assert anvil.inputs_from(SIGNER.address) == [b"one"]


def test_concurrent_preparations_and_deliveries_send_each_transaction_once(
    engine: Engine, node: TestNode
) -> None:
    payloads = [bytes((65 + i,)) for i in range(12)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda data: intend(engine, node, data), payloads * 2))
        list(pool.map(lambda _: delivery(engine, node).pump(), range(4)))
    pump_until(delivery(engine, node), engine, node, ["mined"] * 12)
    assert sorted(node.inputs_from(SIGNER.address)) == payloads
    assert [row.nonce for row in rows(engine)] == list(range(12))


def test_node_of_another_chain_is_refused(anvil: TestNode) -> None:
    with pytest.raises(WrongChain, match="serves chain 1337, not CHAIN_ID 5"):
        Node(anvil.url, 5).check_chain()


def test_key_is_never_shown() -> None:
    assert key(3).hex() not in repr(SIGNER)
    assert SIGNER.address in repr(SIGNER)


def _send_foreign(node: TestNode, nonce: int) -> None:
    account: Any = Account.from_key(key(3))
    signed = account.sign_transaction(
        {
            "chainId": CHAIN_ID,
            "nonce": nonce,
            "to": TARGET,
            "value": 0,
            "data": b"foreign",
            "gas": 60_000,
            "maxFeePerGas": 20 * GWEI,
            "maxPriorityFeePerGas": GWEI,
        }
    )
    node.web3.eth.send_raw_transaction(signed.raw_transaction)
