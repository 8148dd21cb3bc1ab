"""The real worker with Celery, Redis, PostgreSQL and a node, any of which may die.

Branches: the worker is killed between two batches · the node restarts · the node is away for longer
than a batch may wait · Redis loses everything. No accepted slip is lost or placed twice, and every
bet is settled and paid once.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from sqlalchemy import Engine, text

from backend.mirror.reconciliation import CHECKS
from tests.backend.batching.worker_process import (
    KEYS,
    Worker,
    environment,
    wait_until,
    write_known_facts,
)
from tests.support.accepted_slips import Game, accept
from tests.support.facts import facts
from tests.support.house import House
from tests.support.mirror import follow
from tests.support.nodes import running_node
from tests.support.people import Bettor
from tests.support.terms import BATCH_WINDOW_S, DISPUTE_WINDOW_S, RECEIPT_WINDOW_S, UNIT

pytestmark = pytest.mark.timeout(240)
PATIENCE_S = 60


class Indexer:
    """Follows the chain in a thread, as the indexer's process would, also after an outage."""

    def __init__(self, engine: Engine, house: House) -> None:
        self._engine, self._house = engine, house
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped.wait(0.3):
            try:
                self._house.node.mine()
                follow(self._engine, self._house)
            except Exception:
                time.sleep(0.2)

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()


@pytest.fixture(params=["anvil", "ganache"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """A node and a sportsbook for one test, because the test may stop the node."""
    with running_node(request.param, tmp_path / "chain") as node:
        yield House(node, tmp_path)


@pytest.fixture
def worker(
    tmp_path: Path, house: House, engine: Engine, fresh_database: str, redis_url: str
) -> Iterator[Worker]:
    follow(engine, house)
    made = Worker(tmp_path, environment(tmp_path, house, fresh_database, redis_url))
    yield made
    made.end()


@pytest.fixture
def bettors(house: House) -> list[Bettor]:
    return [house.open_account() for _ in range(6)]


@pytest.fixture
def indexer(engine: Engine, house: House, bettors: list[Bettor]) -> Iterator[Indexer]:
    follow(engine, house)
    running = Indexer(engine, house)
    yield running
    running.stop()


def mirrored_s(engine: Engine) -> int:
    """The time of the newest block in the mirror."""
    with engine.connect() as connection:
        statement = text("SELECT head_timestamp_s FROM mirror.deployment")
        return int(connection.execute(statement).scalar_one())


def slips(engine: Engine, house: House, bettors: list[Bettor], game: Game) -> None:
    """Accept one more slip of every bettor."""
    now_s = mirrored_s(engine)
    for bettor in bettors:
        picks = [(game, house.nonce_of(bettor) % 3)]
        accept(engine, house, bettor, picks, accepted_at_s=now_s)


def placed(engine: Engine) -> list[tuple[int, int]]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT account, nonce FROM mirror.bet ORDER BY 1, 2"))
        return [(row.account, row.nonce) for row in rows]


def expected(house: House) -> list[tuple[int, int]]:
    """Account and nonce of every slip that was accepted."""
    return [(b.account, n) for b in house.bettors for n in range(1, house.nonce_of(b) + 1)]


def wait_for_all(engine: Engine, house: House, worker: Worker) -> None:
    wait_until(
        lambda: placed(engine) == expected(house),
        PATIENCE_S,
        lambda: f"{len(placed(engine))} of {len(expected(house))} placed\n{worker.log[-3000:]}",
    )


def assert_each_slip_placed_once(engine: Engine, house: House) -> None:
    """Each accepted slip is one bet, and nothing was refused."""
    assert placed(engine) == expected(house)
    with engine.connect() as connection:
        refused = connection.execute(text("SELECT DISTINCT reason FROM mirror.skip")).scalars()
        assert set(refused) <= {3}


def coming_game(engine: Engine, house: House) -> Game:
    game = Game("Home v Away, 2030-01-01", house.now_s() + 7_200)
    return game.open(engine)


def test_worker_killed_between_two_batches_places_each_slip_once(
    engine: Engine, house: House, worker: Worker, bettors: list[Bettor], indexer: Indexer
) -> None:
    game = coming_game(engine, house)
    slips(engine, house, bettors, game)
    worker.start()
    wait_until(lambda: placed(engine), PATIENCE_S, lambda: worker.log[-3000:])
    for _ in range(2):
        slips(engine, house, bettors, game)
        time.sleep(0.25)
        worker.end(signal.SIGKILL)
        slips(engine, house, bettors, game)
        worker.start()
        wait_for_all(engine, house, worker)
    assert_each_slip_placed_once(engine, house)


def test_worker_places_each_slip_once_when_the_node_restarts(
    engine: Engine, house: House, worker: Worker, bettors: list[Bettor], indexer: Indexer
) -> None:
    game = coming_game(engine, house)
    worker.start()
    slips(engine, house, bettors, game)
    wait_for_all(engine, house, worker)
    before = _count(engine, "backend.submission")
    slips(engine, house, bettors, game)
    wait_until(
        lambda: _count(engine, "backend.submission") > before,
        PATIENCE_S,
        lambda: worker.log[-3000:],
    )
    house.node.stop(signal.SIGTERM)
    slips(engine, house, bettors, game)
    wait_until(lambda: "NodeUnreachable" in worker.log, PATIENCE_S, lambda: worker.log[-3000:])
    house.node.start()
    slips(engine, house, bettors, game)
    wait_for_all(engine, house, worker)
    assert_each_slip_placed_once(engine, house)


def test_worker_places_by_their_receipts_what_was_accepted_while_the_node_was_away(
    engine: Engine, house: House, worker: Worker, bettors: list[Bettor], indexer: Indexer
) -> None:
    game = coming_game(engine, house)
    worker.start()
    slips(engine, house, bettors, game)
    wait_for_all(engine, house, worker)
    house.node.stop(signal.SIGTERM)
    for _ in range(2):
        slips(engine, house, bettors, game)
    wait_until(lambda: "NodeUnreachable" in worker.log, PATIENCE_S, lambda: worker.log[-3000:])
    # When the worker reaches the node again, no batch can place them any more.
    worker.send(signal.SIGSTOP)
    house.node.start()
    house.travel(BATCH_WINDOW_S + 30)
    # The worker tells the time by the mirror.
    travelled_to_s = house.now_s()
    wait_until(
        lambda: mirrored_s(engine) >= travelled_to_s, PATIENCE_S, lambda: "the mirror is behind"
    )
    worker.send(signal.SIGCONT)
    wait_for_all(engine, house, worker)
    assert_each_slip_placed_once(engine, house)
    with engine.connect() as connection:
        kinds = connection.execute(text("SELECT kind FROM backend.chain_transaction")).scalars()
        assert list(kinds).count("enforce") == 2 * len(bettors)


def test_worker_places_each_slip_once_when_redis_loses_everything(
    engine: Engine,
    house: House,
    worker: Worker,
    bettors: list[Bettor],
    indexer: Indexer,
    redis_url: str,
) -> None:
    game = coming_game(engine, house)
    worker.start()
    for _ in range(4):
        slips(engine, house, bettors, game)
        with redis.Redis.from_url(redis_url) as client:
            client.flushall()
        time.sleep(0.5)
    wait_for_all(engine, house, worker)
    assert_each_slip_placed_once(engine, house)


def test_worker_publishes_settles_and_reconciles_by_itself(
    engine: Engine,
    house: House,
    worker: Worker,
    bettors: list[Bettor],
    indexer: Indexer,
    tmp_path: Path,
) -> None:
    known = facts("Home v Away", house.now_s() + 7_200, (1, 0, 2, 1))
    game = Game(known.name, known.starts_at_s).open(engine)
    worker.start()
    for _ in range(3):
        slips(engine, house, bettors, game)
    wait_for_all(engine, house, worker)
    write_known_facts(tmp_path, [known])
    house.node.rpc("evm_increaseTime", 4 * 3_600)
    wait_until(lambda: _count(engine, "mirror.result") == 1, PATIENCE_S, lambda: worker.log[-3000:])
    house.node.rpc("evm_increaseTime", DISPUTE_WINDOW_S + RECEIPT_WINDOW_S)
    wait_until(
        lambda: _count(engine, "mirror.settlement") == 18, PATIENCE_S, lambda: worker.log[-3000:]
    )
    # Each bets on home, draw and away once; home pays double.
    for bettor in bettors:
        balance = house.call("Sportsbook", "accountAt", bettor.account)[1]
        assert balance == 1_000 * UNIT - 3 * UNIT + 2 * UNIT
    assert_each_slip_placed_once(engine, house)
    assert house.call("Sportsbook", "book")[1:3] == [0, 0]
    wait_until(
        lambda: _count(engine, "backend.reconciliation") == len(CHECKS),
        PATIENCE_S + 60,
        lambda: worker.log[-3000:],
    )
    with engine.connect() as connection:
        found = connection.execute(text("SELECT sum(differences) FROM backend.reconciliation"))
        assert found.scalar_one() == 0
    assert not any(key in worker.log for key in KEYS.values())


def _count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())
