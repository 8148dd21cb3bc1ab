"""Whatever forks, faults and deaths come in whatever order, the tables end as a clean sync's.

The forks are of a real chain (two seasons that part early, and what can follow on the second), kept
in memory. Each example is a series of steps: the chain becomes another fork at some height, an
endpoint lags on some other one, fails or lies; the indexer goes on, dies in the middle of a write,
or starts again. Then everybody tells the truth.

- Receipts come when they come: what gas is there is that of the mirror's own blocks.
- With one endpoint it fails in every way that can be told; the tables are those of a clean sync
  after each step.
- With three, one lies in ways that only the others can tell.
- What was final is in the mirror, or the indexer refuses; and it refuses for that alone.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import hypothesis
import psycopg
import pytest
from hypothesis import strategies as st

from indexer.chain.endpoints import Endpoints
from indexer.deployment import Deployment
from indexer.errors import FinalBlockLeft, RetryableError, Throttled, Unreachable
from indexer.mirror import head_state as state
from indexer.mirror import write
from indexer.mirror.migrate import migrate
from indexer.ops.metrics import Metrics
from indexer.sync.finality import Finality
from indexer.sync.sync import Sync
from scripts.devnet import Postgres
from tests.indexer.house import House
from tests.indexer.mirror import CONFIRMATIONS, Tables, deployment_of, plain, tables_in
from tests.indexer.recorded import Chain, Lie, Replay, hash_of, record, truth
from tests.indexer.test_reorgs import play_more
from tests.support.nodes import running_node
from tests.support.sportsbook import deploy

EXAMPLES, STEPS = 80, 12
FINAL_DEPTHS = (4, 12, 200)
# The last columns of a transaction, which its receipt tells.
GAS_COLUMNS = 2
DEATHS = [
    *((write, name) for name in ("_copy", "undo_above", "_notify", "_move_final")),
    *((state, name) for name in ("move_balances", "move_book", "renew_results", "renew_exits")),
]


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Chain], Deployment]:
    folder = tmp_path_factory.mktemp("forks")
    found: list[Chain] = []
    with running_node("anvil", folder / "chain") as node:
        house = House(deploy(node, folder))
        addresses = list(deployment_of(folder).contracts)

        def keep() -> None:
            found.append(record(node, addresses))

        def back_to(snapshot: str, people: list[tuple[Any, int]]) -> None:
            node.rpc("evm_revert", snapshot)
            house.book.bettors[:] = [bettor for bettor, _ in people]
            for bettor, nonce in people:
                bettor.nonce = nonce

        def mark() -> tuple[str, list[tuple[Any, int]]]:
            return node.rpc("evm_snapshot"), [(b, b.nonce) for b in house.book.bettors]

        start = mark()
        node.mine(2)
        house.play()
        keep()
        back_to(*start)
        house.play()
        for bets in (2, 5):
            season = mark()
            play_more(house, bets)
            keep()
            more = mark()
            play_more(house, 3)
            keep()
            back_to(*more)
            node.mine(9)
            keep()
            back_to(*season)
        return found, deployment_of(folder)


class World:
    """A mirror that is emptied between examples, and clean tables to compare with."""

    def __init__(self, forks: list[Chain], deployment: Deployment, postgres: Postgres) -> None:
        self.forks, self.deployment = forks, deployment
        self.pool = ThreadPoolExecutor(3)
        self.connection = self._database(postgres, "property")
        self._clean_connection = self._database(postgres, "property_clean")
        self._clean: dict[bytes, Tables] = {}

    def clean(self, chain: Chain) -> Tables:
        """What a sync writes that never saw another chain."""
        top = hash_of(chain[-1])
        if top not in self._clean:
            empty(self._clean_connection)
            run = Run(self, self._clean_connection, [Replay("clean", chain)], 200)
            while run.sync.advance():
                pass
            run.sync.gas.finish(lambda: True)
            self._clean[top] = tables_in(self._clean_connection)
        return self._clean[top]

    def chain_of(self, top: bytes) -> Chain:
        for fork in self.forks:
            for height, block in enumerate(fork):
                if hash_of(block) == top:
                    return fork[: height + 1]
        raise AssertionError("the mirror's head is on no chain")

    def knows(self, top: bytes) -> bool:
        """Whether a block is on some chain: a newest one may have been made up."""
        return any(hash_of(block) == top for fork in self.forks for block in fork)

    def close(self) -> None:
        self.pool.shutdown()
        self.connection.close()
        self._clean_connection.close()

    @staticmethod
    def _database(postgres: Postgres, name: str) -> psycopg.Connection[tuple[Any, ...]]:
        url = postgres.create_database(name)
        migrate(url)
        return psycopg.connect(plain(url), autocommit=True)


class Run:
    """An indexer with a clock that is moved by hand."""

    def __init__(
        self,
        world: World,
        connection: psycopg.Connection[tuple[Any, ...]],
        replays: list[Replay],
        depth: int,
    ) -> None:
        self.world, self.connection = world, connection
        self.now_s = 0.0
        self.replays = replays
        self.endpoints = Endpoints(replays, clock=lambda: self.now_s, patience_s=0)
        self.depth = depth
        self.sync = self.start()

    def start(self) -> Sync:
        self.sync = Sync(
            *(self.connection, self.endpoints, self.world.deployment),
            *(Finality(CONFIRMATIONS, self.depth), Metrics(), self.world.pool),
            clock=lambda: self.now_s,
        )
        return self.sync

    def advance(self) -> bool:
        """Whether it went well."""
        self.now_s += 20
        try:
            while self.sync.advance():
                pass
            self.sync.gas.step()
        except RetryableError:
            return False
        except FinalBlockLeft:
            self.must_be_gone()
            self.sync.forget()
            return False
        return True

    def top(self) -> bytes:
        """The hash of the mirror's head."""
        return self.sync.head.hash if self.sync.head else b""

    def must_be_gone(self) -> None:
        """No endpoint that tells the truth has the block that was final."""
        number, hash_ = self.final()
        for replay in self.replays:
            held = replay.chain[number] if number < len(replay.chain) else None
            assert replay.lie is not truth or held is None or hash_of(held) != hash_

    def final(self) -> tuple[int, bytes]:
        row = self.connection.execute(
            "SELECT final_block, final_hash FROM mirror.deployment"
        ).fetchone()
        assert row is not None
        return (-1, b"") if row[0] is None else (row[0], bytes(row[1]))

    def is_true(self) -> None:
        """The tables are those of the chain that ends in the mirror's head; some gas may not be
        read yet."""
        if self.sync.head is not None:
            chain = self.world.chain_of(self.sync.head.hash)
            ours, clean = tables_in(self.connection), self.world.clean(chain)
            for held, true in zip(ours["transaction"], clean["transaction"], strict=True):
                assert held in (true, (*true[:-GAS_COLUMNS], *(None,) * GAS_COLUMNS))
            assert ours | {"transaction": clean["transaction"]} == clean
            number, hash_ = self.final()
            assert number < 0 or hash_of(chain[number]) == hash_
            confirmed = max(number, len(chain) - 1 - CONFIRMATIONS)
            row = self.connection.execute("SELECT confirmed_block FROM mirror.deployment")
            assert row.fetchall() == [(confirmed if confirmed >= 0 else None,)]


def empty(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    names = connection.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'mirror'"
        " AND table_type = 'BASE TABLE' AND table_name <> 'alembic_version'"
    ).fetchall()
    connection.execute("TRUNCATE " + ", ".join(f"mirror.{name}" for (name,) in names))


@pytest.fixture(scope="module")
def world(forks: tuple[list[Chain], Deployment], postgres: Postgres) -> Iterator[World]:
    made = World(*forks, postgres)
    yield made
    made.close()


class Chance:
    """The choices of an example."""

    def __init__(self, seed: int, world: World) -> None:
        self._random = random.Random(seed)
        self._world = world

    def below(self, number: int) -> int:
        return self._random.randrange(number)

    def chain(self) -> Chain:
        fork = self._random.choice(self._world.forks)
        # Most of what happens on a chain happens near its end.
        cut = self._random.choice((0, 0, 1, 2, 3, 5, 8, 13, 30, len(fork) - 1))
        return fork[: max(1, len(fork) - cut)]

    def failing(self) -> Lie:
        """A fault that shows by itself."""
        rest, kind = self._random.random(), self._random.randrange(8)

        def lie(method: str, params: list[Any], result: Any) -> Any:
            if self._random.random() > rest:
                return result
            if kind == 0:
                raise Unreachable("no answer")
            if kind == 1:
                raise Throttled("later")
            if kind == 2 and method.startswith("eth_getBlockBy"):
                return None
            if kind == 3 and method == "eth_getLogs" and "fromBlock" in params[0]:
                # Whole kinds of events of a block: a bloom says no more than which there are.
                left = {(log["blockNumber"], log["topics"][0]) for log in result}
                kept = {pair for pair in sorted(left) if self._random.random() < 0.5}
                return [log for log in result if (log["blockNumber"], log["topics"][0]) in kept]
            if kind == 4 and method == "eth_getLogs":
                return [log | {"removed": True} for log in result[::-1] + result]
            if kind == 5 and method == "eth_getLogs" and result:
                return [*result[:-1], result[-1] | {"blockHash": "0x" + "55" * 32}]
            if kind == 6 and method == "eth_getBlockByNumber" and params[0] != "latest" and result:
                return result | {"hash": "0x" + "66" * 32}
            if kind == 7 and method == "eth_getTransactionReceipt" and result:
                return result | {"blockHash": "0x" + "77" * 32}
            return result

        return lie

    def lying(self) -> Lie:
        """A fault that only another endpoint can tell."""
        kind = self._random.randrange(4)

        def lie(method: str, params: list[Any], result: Any) -> Any:
            header = method.startswith("eth_getBlockBy") and result
            if kind == 0 and method == "eth_getLogs":
                return []
            if kind == 0 and header:
                return result | {"logsBloom": "0x0"}
            if kind == 1 and method == "eth_getLogs" and result:
                return [*result, result[-1] | {"logIndex": "0x400"}]
            if kind == 2 and header:
                return result | {"timestamp": "0x7"}
            if kind == 3 and method == "eth_getLogs":
                return [log | {"transactionHash": "0x" + "99" * 32} for log in result]
            return result

        return lie

    def death(self) -> tuple[Any, str]:
        return self._random.choice(DEATHS)


class Died(Exception):
    """A process ended here."""


def die_in_the_middle(run: Run, chance: Chance) -> None:
    """Advance until some step of a write was done for the n-th time, and end there."""
    module, name = chance.death()
    genuine, left = getattr(module, name), chance.below(4)

    def die(*arguments: Any) -> Any:
        nonlocal left
        done = genuine(*arguments)
        left -= 1
        if left < 0:
            raise Died
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, die)
        try:
            run.advance()
        except Died:
            run.start()


def play(world: World, seed: int, endpoints: int) -> None:
    chance = Chance(seed, world)
    empty(world.connection)
    chain = chance.chain()
    replays = [Replay(f"node{number}", chain) for number in range(endpoints)]
    run = Run(world, world.connection, replays, FINAL_DEPTHS[chance.below(len(FINAL_DEPTHS))])
    for _ in range(1 + chance.below(STEPS)):
        step = chance.below(7)
        if step == 0:
            chain = chance.chain()
            for replay in replays:
                replay.chain = chain
        elif step == 1:
            replays[chance.below(endpoints)].chain = chance.chain()
        elif step == 2:
            # The first one is asked first; with three, never two lie at once.
            replays[0].lie = chance.failing() if endpoints == 1 else chance.lying()
        elif step == 3:
            replays[0].lie = truth
        elif step == 4:
            die_in_the_middle(run, chance)
        elif step == 5:
            run.start()
        run.sync._length.blocks = 1 + chance.below(40)
        run.advance()
        if endpoints == 1 and (replays[0].lie is truth or world.knows(run.top())):
            run.is_true()
    for replay in replays:
        replay.lie, replay.chain = truth, chain
    for _ in range(12):
        if run.advance() and run.top() == hash_of(chain[-1]):
            break
    run.is_true()
    # A chain that ends below what was final is waited for, and only that.
    if run.top() != hash_of(chain[-1]):
        assert len(chain) - 1 < run.final()[0]
        return
    run.sync.gas.finish(lambda: True)
    assert tables_in(run.connection) == world.clean(chain)


@hypothesis.settings(max_examples=EXAMPLES, deadline=None)
@hypothesis.given(seed=st.integers(0, 2**32))
def test_forks_deaths_and_faults_end_in_the_tables_of_a_clean_sync(world: World, seed: int) -> None:
    play(world, seed, endpoints=1)


@hypothesis.settings(max_examples=EXAMPLES // 2, deadline=None)
@hypothesis.example(seed=107)
@hypothesis.given(seed=st.integers(0, 2**32))
def test_one_liar_of_three_changes_nothing_in_the_end(world: World, seed: int) -> None:
    play(world, seed, endpoints=3)
