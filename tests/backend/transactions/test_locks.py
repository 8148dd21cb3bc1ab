"""Advisory locks, on a real PostgreSQL.

Branches: free · held by another for too long, and free afterwards · the connection is lost while it
waits for the lock · it is lost while the work is done, which ends well or fails.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError

from backend.transactions.errors import LockBusy
from backend.transactions.locks import held

NAME = "deliver"
OTHERS = "pid <> pg_backend_pid() AND datname = current_database() AND application_name = 'locks'"


@pytest.fixture
def engine(empty_database: str) -> Iterator[Engine]:
    engine = create_engine(empty_database, connect_args={"application_name": "locks"})
    yield engine
    engine.dispose()


def cut_off(engine: Engine, condition: str) -> None:
    """End the connections of the test that meet the condition, once there is one."""
    until = time.monotonic() + 15
    query = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OTHERS} AND {condition}"
    while time.monotonic() < until:
        with engine.connect() as connection:
            if connection.execute(text(query)).scalars().all():
                return
        time.sleep(0.02)
    raise AssertionError("no connection to end")


def take(engine: Engine, timeout_ms: int = 5_000) -> str:
    with held(engine, NAME, timeout_ms):
        return "done"


def fail(engine: Engine) -> None:
    with held(engine, NAME):
        cut_off(engine, "query LIKE '%lock%'")
        raise ValueError("of the work")


def test_lock_of_another_is_busy_and_free_afterwards(engine: Engine) -> None:
    with held(engine, NAME), pytest.raises(LockBusy, match="deliver"):
        take(engine, 50)
    assert take(engine, 50) == "done"


def test_connection_that_is_lost_while_it_waits_is_an_outage_of_the_database(
    engine: Engine,
) -> None:
    with ThreadPoolExecutor(1) as pool, held(engine, NAME):
        waiting = pool.submit(take, engine)
        cut_off(engine, "wait_event_type = 'Lock'")
        with pytest.raises(OperationalError):
            waiting.result(15)
    assert take(engine) == "done"


def test_connection_that_is_lost_during_the_work_changes_nothing_of_its_outcome(
    engine: Engine,
) -> None:
    with held(engine, NAME):
        cut_off(engine, "query LIKE '%lock%'")
    with pytest.raises(ValueError, match="of the work"):
        fail(engine)
    assert take(engine) == "done"
