"""The worker's metrics count what the tables hold."""

from __future__ import annotations

import os
import sys
import time
import uuid

from sqlalchemy import Engine
from sqlmodel import Session

from backend.relays.tables import Relay, RelaySubmission
from backend.transactions.tables import ChainTransaction
from tests.support import warm_python
from tests.support.nodes import CHAIN_ID, ROOT

# A process of its own, because the worker reads its settings when it is imported.
COLLECTS = """
import sys
import redis
from sqlalchemy import create_engine
from backend.worker.heartbeats import BEAT_KEY, record, task_key
from backend.worker.metrics import WorkerCollector

client = redis.Redis.from_url(sys.argv[2])
if sys.argv[3:]:
    record(client, BEAT_KEY)
    record(client, task_key("deliver"))
tasks = ("deliver", "reconcile")
for family in WorkerCollector(create_engine(sys.argv[1]), client, tasks).collect():
    for sample in family.samples:
        value = sample.value if sample.value == float("inf") else int(sample.value)
        print(sample.name, *sample.labels.values(), value)
"""


def transaction(
    nonce: int, status: str, gas_cap: int | None = None, paid: tuple[int, int] = (0, 0)
) -> ChainTransaction:
    """`paid` is a fee in gwei, and when it was paid."""
    return ChainTransaction(
        id=uuid.uuid4(),
        chain_id=CHAIN_ID,
        sender="0x0",
        nonce=nonce,
        kind="place",
        dedupe_key=str(nonce),
        to_address="0x0",
        data=b"",
        gas_limit=2**24,
        status=status,
        gas_cap=gas_cap,
        fee_wei=paid[0] * 10**9,
        included_s=paid[1],
        created_s=0,
    )


def relay(number: int, gas: int, counted_at_s: int, reason: str | None = None) -> Relay:
    return Relay(
        hash=bytes([number]) * 32,
        kind="permit",
        owner="0x0",
        value=1,
        deadline_s=0,
        signature=b"",
        gas=gas,
        received_at_s=0,
        counted_at_s=counted_at_s,
        reason=reason,
    )


def collected(*arguments: str) -> set[str]:
    """What a scrape shows."""
    done = warm_python.run(
        [sys.executable, "-c", COLLECTS, *arguments],
        env=os.environ | {"REDIS_URL": "redis://127.0.0.1:1"},
        cwd=ROOT,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines())


def test_ages_of_tasks_and_beat_are_by_redis_clock(fresh_database: str, redis_url: str) -> None:
    found = collected(fresh_database, redis_url, "run")
    assert {line for line in found if "_age_" in line} == {
        "fairline_task_age_seconds deliver 0",
        "fairline_task_age_seconds reconcile inf",
        "fairline_beat_age_seconds 0",
    }


def test_transactions_refusals_and_fees_are_counted(engine: Engine, fresh_database: str) -> None:
    with Session(engine) as session:
        now_s = int(time.time())
        session.add_all(
            [
                transaction(0, "mined", paid=(30, now_s - 3_700)),
                transaction(1, "replaced", 8_000_000, paid=(12, now_s - 3_500)),
            ]
        )
        session.commit()
    # Nothing answers there, so nothing runs.
    assert collected(fresh_database, "redis://127.0.0.1:1") == {
        "fairline_task_age_seconds deliver inf",
        "fairline_task_age_seconds reconcile inf",
        "fairline_beat_age_seconds inf",
        "fairline_transactions place mined 1",
        "fairline_transactions place replaced 1",
        "fairline_gas_limit_refusals 1",
        "fairline_fees_gwei 42",
        "fairline_fees_last_hour_gwei 12",
        "fairline_relay_gas_last_hour 0",
        "fairline_transaction_waiting_seconds 0",
    }


def test_gas_of_relays_is_what_counts_against_the_budget(
    engine: Engine, fresh_database: str
) -> None:
    now_s = int(time.time())
    relays = [
        # In no transaction yet, given up without one, given up after one, and of the hour before.
        relay(1, gas=1_000, counted_at_s=now_s),
        relay(2, gas=200_000, counted_at_s=now_s, reason="expired"),
        relay(3, gas=30_000, counted_at_s=now_s, reason="reverted"),
        relay(4, gas=4_000_000, counted_at_s=now_s - 3_700),
    ]
    sent = transaction(0, "replaced")
    with Session(engine) as session:
        session.add_all([sent, *relays])
        session.flush()
        assert relays[2].id is not None
        session.add(RelaySubmission(relay=relays[2].id, transaction=sent.id))
        session.commit()
    assert "fairline_relay_gas_last_hour 31000" in collected(fresh_database, "redis://127.0.0.1:1")
