"""Simulates, writes and delivers one transaction, and kills itself at a given line of
backend/transactions (tests/support/killer.py).

    python killer.py DATABASE_URL RPC_URL

Each request names the transaction's intent key.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from sqlalchemy import create_engine

from backend.transactions.delivery import Delivery, DeliveryPolicy
from backend.transactions.node import Call, Node
from backend.transactions.outbox import Contents, Outbox
from backend.transactions.signer import LocalSigner
from backend.transactions.tables import TransactionKind
from protocol.limits import TRANSACTION_GAS_MAX
from tests.support.killer import Reaper, die_on_request
from tests.support.nodes import CHAIN_ID, ROOT, key

TARGET = "0x" + "fa" * 20


def build(keys: Sequence[str]) -> Call:
    return Call(TARGET, keys[0].encode(), 60_000)


CONTENTS: Contents[str] = Contents(
    TransactionKind.PLACE, dedupe_key=lambda keys: keys[0], rows=lambda keys, transaction: []
)


def work(reaper: Reaper, intent_keys: list[str]) -> None:
    database_url, rpc_url = sys.argv[1:]
    engine = create_engine(database_url)
    node = Node(rpc_url, CHAIN_ID)
    signer = LocalSigner(key(3))
    policy = DeliveryPolicy(confirmations=0, bump_after_s=600, fee_cap_wei=500 * 10**9)
    with reaper.watching():
        outbox = Outbox(engine, node, signer.address, TRANSACTION_GAS_MAX)
        simulated = outbox.simulate(intent_keys, build).passing
        outbox.write(simulated, CONTENTS, 0)
        delivery = Delivery(engine, node, signer, policy)
        delivery.pump()
        delivery.pump()


if __name__ == "__main__":
    die_on_request([ROOT / "backend" / "transactions"], work)
