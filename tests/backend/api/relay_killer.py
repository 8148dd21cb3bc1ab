"""Prepares and delivers what owners have signed, and kills itself at a given line of backend/relays
and backend/transactions (tests/support/killer.py).

    python relay_killer.py DATABASE_URL RPC_URL DEPLOYMENT_FILE
"""

from __future__ import annotations

import sys
from pathlib import Path

from sqlalchemy import create_engine

from backend.deployment import Deployment
from backend.relays.relaying import Relayer
from backend.transactions.delivery import Delivery, DeliveryPolicy
from backend.transactions.node import Node
from backend.transactions.signer import LocalSigner
from tests.support.house import OPERATOR
from tests.support.killer import Reaper, die_on_request
from tests.support.nodes import CHAIN_ID, ROOT


def work(reaper: Reaper, _: list[str]) -> None:
    database_url, rpc_url, deployment_file = sys.argv[1:]
    engine, node = create_engine(database_url), Node(rpc_url, CHAIN_ID)
    signer = LocalSigner(OPERATOR)
    deployment = Deployment.read(Path(deployment_file), CHAIN_ID)
    relayer = Relayer(engine, node, deployment, signer.address)
    policy = DeliveryPolicy(confirmations=0, bump_after_s=600, fee_cap_wei=500 * 10**9)
    delivery = Delivery(engine, node, signer, policy)
    now_s = node.head().timestamp_s
    with reaper.watching():
        relayer.relay(now_s)
        delivery.pump()
        delivery.pump()


if __name__ == "__main__":
    die_on_request([ROOT / "backend" / "relays", ROOT / "backend" / "transactions"], work)
