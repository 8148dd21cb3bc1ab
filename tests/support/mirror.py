"""Brings the mirror of a test chain to its head, with the real indexer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
from sqlalchemy import Engine

from indexer.chain.endpoints import Endpoints
from indexer.chain.rpc import Endpoint
from indexer.deployment import Deployment
from indexer.ops.metrics import Metrics
from indexer.sync.finality import Finality
from indexer.sync.sync import Sync
from tests.support.house import House
from tests.support.nodes import CHAIN_ID

FINALITY = Finality(confirmations=2, depth=64)


def follow(engine: Engine, house: House, *, with_gas: bool = False) -> None:
    """Make the mirror show the chain's head; `with_gas` also the gas of its batches."""
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    metrics = Metrics()
    endpoints = Endpoints([Endpoint(house.node.url, CHAIN_ID, timeout_s=5)], metrics.failed)
    deployment = Deployment.read(house.folder / "deployment.json", CHAIN_ID)
    with psycopg.connect(url, autocommit=True) as connection, ThreadPoolExecutor(3) as pool:
        sync = Sync(connection, endpoints, deployment, FINALITY, metrics, pool)
        while sync.advance():
            pass
        if with_gas:
            sync.gas.finish(lambda: True)
