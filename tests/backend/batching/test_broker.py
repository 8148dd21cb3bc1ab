"""Worker and beat with a Redis that fails over, is away, hangs or is emptied, with real servers.

Branches: the primary becomes a read-only replica for a while · Redis is away for a while, also at
the start, and several times in a row · it has no memory left · it hangs, also while tasks end ·
its password has characters of addresses · the clock of beat's host is set back · nobody takes the
tasks, although two beats ask for them. All processes live on and the tasks run again; the log says
once that Redis is lost and once that it is back, without a traceback.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest
import redis
from celery import Celery
from sqlalchemy import Engine, text

from backend.worker.broker import Broker, queue_of
from backend.worker.heartbeats import task_key
from scripts.devnet import Redis
from tests.backend.batching.worker_process import (
    Worker,
    environment,
    wait_until,
    write_known_facts,
)
from tests.support.facts import facts
from tests.support.house import House
from tests.support.mirror import follow

pytestmark = pytest.mark.timeout(180)
PATIENCE_S = 60
OUTAGE_S = 8.0
# Long enough for a call to give up.
MOMENT_S = 3.0
MOMENTS = 2
TASKS = (
    "deliver",
    "flush_slips",
    "follow_facts",
    "publish_results",
    "settle_batches",
    "relay_cash_outs",
    "send_relays",
    "reconcile",
    "report",
    "record_share_price",
)


@pytest.fixture(params=["anvil"])
def deployed(request: pytest.FixtureRequest, deployments: Callable[[str], House]) -> House:
    """On one chain: what is tried here does not depend on it."""
    return deployments(request.param)


@pytest.fixture
def broker(open_folder: Path) -> Iterator[Redis]:
    """A Redis of the test's own."""
    server = Redis(state=open_folder)
    server.start()
    yield server
    os.kill(server.process.pid, signal.SIGCONT) if server.process.is_alive else None
    server.stop()


@pytest.fixture
def replica(open_folder: Path, broker: Redis) -> Iterator[redis.Redis]:
    """A second Redis that follows the first one."""
    server = Redis(state=open_folder / "replica")
    server.start()
    with redis.Redis.from_url(server.url()) as client:
        for url in (server.url(), broker.url()):
            # Where a replica writes what it receives.
            with redis.Redis.from_url(url) as either:
                either.config_set("dir", str(open_folder))
        client.replicaof("127.0.0.1", str(port(broker.url())))
        wait_until(
            lambda: client.info("replication")["master_link_status"] == "up", 20, lambda: "no link"
        )
        yield client
    server.stop()


@pytest.fixture
def worker(
    tmp_path: Path, house: House, engine: Engine, fresh_database: str, broker: Redis
) -> Iterator[Worker]:
    follow(engine, house)
    write_known_facts(tmp_path, [facts("Home v Away", house.now_s() + 7_200, None)])
    file = str(house.deployment_file)
    env = environment(tmp_path, house, fresh_database, broker.url(), DEPLOYMENT_FILE=file)
    made = Worker(tmp_path, env)
    yield made
    made.end()


def port(url: str) -> int:
    return int(url.rsplit(":", 1)[1].split("/")[0])


def missing(client: redis.Redis) -> list[str]:
    """Tasks that have not run since their keys were deleted."""
    return [name for name in TASKS if not client.exists(task_key(name))]


def wait_for_tasks(url: str, worker: Worker) -> None:
    """Wait until every task has run after this call."""
    with redis.Redis.from_url(url) as client:
        client.delete(*(task_key(name) for name in TASKS))
        wait_until(
            lambda: not missing(client),
            PATIENCE_S,
            lambda: f"did not run: {missing(client)}\n{worker.log[-3000:]}",
        )


def assert_said_once(worker: Worker) -> None:
    """Each process said once that Redis is lost and once that it is back."""
    lines = worker.log.splitlines()
    for name in ("worker", "beat"):
        own = [line for line in lines if f"process='{name}'" in line]
        assert len([line for line in own if "broker.lost" in line]) == 1, worker.log[-3000:]
        assert len([line for line in own if "broker.back" in line]) == 1, worker.log[-3000:]
    assert "Traceback" not in worker.log
    assert len([line for line in lines if "event=" in line]) <= 8, worker.log[-3000:]
    assert worker.alive


def test_tasks_run_again_after_a_failover(
    worker: Worker, broker: Redis, replica: redis.Redis
) -> None:
    worker.start()
    wait_for_tasks(broker.url(), worker)
    with redis.Redis.from_url(broker.url()) as primary:
        replica.replicaof("NO", "ONE")
        primary.replicaof("127.0.0.1", str(replica.connection_pool.connection_kwargs["port"]))
        time.sleep(OUTAGE_S)
        assert worker.alive, worker.log[-3000:]
        primary.replicaof("NO", "ONE")
    wait_for_tasks(broker.url(), worker)
    assert_said_once(worker)


def test_tasks_run_again_after_redis_was_away(worker: Worker, broker: Redis) -> None:
    worker.start()
    wait_for_tasks(broker.url(), worker)
    broker.stop(signal.SIGKILL)
    time.sleep(OUTAGE_S)
    assert worker.alive, worker.log[-3000:]
    broker.start()
    wait_for_tasks(broker.url(), worker)
    assert_said_once(worker)


def test_tasks_run_again_after_redis_was_away_several_times(worker: Worker, broker: Redis) -> None:
    worker.start()
    wait_for_tasks(broker.url(), worker)
    for _ in range(4):
        broker.stop(signal.SIGKILL)
        time.sleep(0.3)
        broker.start()
        time.sleep(0.7)
    wait_for_tasks(broker.url(), worker)
    assert worker.alive
    assert "Traceback" not in worker.log


def test_tasks_run_again_after_redis_had_no_memory(worker: Worker, broker: Redis) -> None:
    worker.start()
    wait_for_tasks(broker.url(), worker)
    with redis.Redis.from_url(broker.url()) as client:
        client.config_set("maxmemory", "1")
        time.sleep(OUTAGE_S)
        assert worker.alive, worker.log[-3000:]
        client.config_set("maxmemory", "0")
    wait_for_tasks(broker.url(), worker)
    assert_said_once(worker)


def test_password_may_have_characters_of_addresses(
    tmp_path: Path, house: House, engine: Engine, fresh_database: str, broker: Redis
) -> None:
    password = "pa#s/w@r:d%"
    with redis.Redis.from_url(broker.url()) as client:
        client.config_set("requirepass", password)
    url = f"redis://:{quote(password, safe='')}@127.0.0.1:{port(broker.url())}/0"
    follow(engine, house)
    write_known_facts(tmp_path, [facts("Home v Away", house.now_s() + 7_200, None)])
    file = str(house.deployment_file)
    env = environment(tmp_path, house, fresh_database, url, DEPLOYMENT_FILE=file)
    worker = Worker(tmp_path, env)
    try:
        worker.start()
        wait_for_tasks(url, worker)
        assert password not in worker.log
        assert quote(password, safe="") not in worker.log
    finally:
        worker.end()


def test_tasks_run_again_after_redis_hung(worker: Worker, broker: Redis) -> None:
    worker.start()
    wait_for_tasks(broker.url(), worker)
    os.kill(broker.process.pid, signal.SIGSTOP)
    time.sleep(OUTAGE_S)
    assert worker.alive, worker.log[-3000:]
    os.kill(broker.process.pid, signal.SIGCONT)
    wait_for_tasks(broker.url(), worker)
    assert_said_once(worker)


def test_tasks_run_again_after_redis_hung_while_tasks_ended(
    worker: Worker, broker: Redis, engine: Engine
) -> None:
    """It does not answer when the worker says that they have ended."""
    worker.start()
    wait_for_tasks(broker.url(), worker)
    ending = threading.Event()

    def keep_busy() -> None:
        while not ending.wait(0.1):
            with engine.begin() as connection:
                connection.execute(text("NOTIFY mirror"))

    busy = threading.Thread(target=keep_busy)
    busy.start()
    try:
        for _ in range(MOMENTS):
            time.sleep(1)
            os.kill(broker.process.pid, signal.SIGSTOP)
            time.sleep(MOMENT_S)
            os.kill(broker.process.pid, signal.SIGCONT)
            wait_for_tasks(broker.url(), worker)
    finally:
        ending.set()
        busy.join()
    assert worker.alive


def test_worker_starts_before_redis(worker: Worker, broker: Redis) -> None:
    url = broker.url()
    broker.stop()
    worker.start()
    wait_until(lambda: worker.log.count("broker.lost") == 2, PATIENCE_S, lambda: worker.log[-3000:])
    broker.start()
    wait_for_tasks(url, worker)
    assert_said_once(worker)


def test_tasks_of_a_beat_whose_clock_is_wrong_are_run(
    worker: Worker, broker: Redis, tmp_path: Path
) -> None:
    """The clock of beat's host is ten minutes behind that of the worker, from some time on."""
    worker.start(beat_clock_s=-600)
    for _ in range(2):
        wait_for_tasks(broker.url(), worker)


def test_no_task_waits_twice_while_nobody_takes_it(worker: Worker, broker: Redis) -> None:
    worker.start(only=("beat",))
    worker.start(only=("beat",))
    with redis.Redis.from_url(broker.url()) as client:
        wait_until(
            lambda: all(client.llen(f"fairline.{name}") for name in ("deliver", "flush_slips")),
            PATIENCE_S,
            lambda: worker.log[-3000:],
        )
        time.sleep(6)
        lengths = {name: client.llen(f"fairline.{name}") for name in TASKS}
    assert max(lengths.values()) == 1, lengths
    worker.start(only=("worker",))
    wait_for_tasks(broker.url(), worker)


def test_task_that_many_ask_for_at_once_waits_once(broker: Redis) -> None:
    """As the beats and the listeners of several machines do."""
    url, asking = broker.url(), 8
    brokers = [Broker(Celery(broker=url), url, f"process {number}") for number in range(asking)]
    with ThreadPoolExecutor(asking) as pool:
        for task in (f"test_{number}" for number in range(20)):
            together = threading.Barrier(asking)

            def ask(one: Broker, task: str = task, together: threading.Barrier = together) -> None:
                together.wait()
                one.request(task)

            list(pool.map(ask, brokers))
            assert brokers[0].client.llen(queue_of(task)) == 1
