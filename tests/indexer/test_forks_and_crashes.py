"""Forks, faults and crashes in any order end in the tables of a clean sync.

The forks are those of a real chain (two seasons that diverge early, and continuations of the
second), kept in memory. Each example is a series of steps: the chain switches to another fork at
some height; an endpoint lags on another fork, fails or lies; the indexer advances, dies in the
middle of a write, or restarts. At the end all endpoints give true answers.

- Receipts arrive at any time: the gas in the mirror is that of the mirror's own blocks.
- With one endpoint, it fails in every way that can be detected; after each step the tables are
  those of a clean sync.
- With three, one lies in ways that only the others can show. Nothing is guaranteed of what it alone
  reported while no other has the blocks, except that it does not stay.
- A final block stays in the mirror, or the indexer refuses to go on; and it refuses only then.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from indexer.deployment import Deployment
from indexer.errors import Throttled, Unreachable
from indexer.mirror import head_state as state
from indexer.mirror import write
from scripts.devnet import Postgres
from tests.indexer.mirror import deployment_of, tables_in
from tests.indexer.recorded_chain import Chain, Lie, Replay, hash_of, record, truth
from tests.indexer.replayed_forks import Run, World, clear_tables
from tests.indexer.season import play_more, play_season
from tests.support.house import House
from tests.support.nodes import running_node

EXAMPLES = int(os.environ.get("EXAMPLES", "80"))
STEPS = 12
FINAL_DEPTHS = (4, 12, 200)
CRASH_POINTS = [
    *((write, name) for name in ("_copy", "roll_back_above", "_notify", "move_final")),
    *(
        (state, name)
        for name in ("move_balances", "move_book", "recompute_results", "recompute_exits")
    ),
]


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Chain], Deployment]:
    folder = tmp_path_factory.mktemp("forks")
    found: list[Chain] = []
    with running_node("anvil", folder / "chain") as node:
        house = House(node, folder)
        addresses = list(deployment_of(house).contracts)

        def keep() -> None:
            found.append(record(node, addresses))

        start = house.save()
        node.mine(2)
        play_season(house)
        keep()
        house.revert_to(start)
        play_season(house)
        for bets in (2, 5):
            season = house.save()
            play_more(house, bets)
            keep()
            more = house.save()
            play_more(house, 3)
            keep()
            house.revert_to(more)
            node.mine(9)
            keep()
            house.revert_to(season)
        return found, deployment_of(house)


@pytest.fixture(scope="module")
def world(forks: tuple[list[Chain], Deployment], postgres: Postgres) -> Iterator[World]:
    made = World(*forks, postgres)
    yield made
    made.close()


class Chance:
    """The random choices of an example."""

    def __init__(self, seed: int, world: World) -> None:
        self._random = random.Random(seed)
        self._world = world

    def below(self, number: int) -> int:
        return self._random.randrange(number)

    def chain(self) -> Chain:
        fork = self._random.choice(self._world.forks)
        # Most changes of a chain happen near its end.
        cut = self._random.choice((0, 0, 1, 2, 3, 5, 8, 13, 30, len(fork) - 1))
        return fork[: max(1, len(fork) - cut)]

    def failing(self) -> Lie:
        """A fault that can be detected without another endpoint."""
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
                # All events of a kind in a block: a bloom only shows which kinds there are.
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
        """A fault that only another endpoint can show."""
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

    def crash_point(self) -> tuple[Any, str]:
        return self._random.choice(CRASH_POINTS)


class Crashed(Exception):
    """The process crashed here."""


def crash_while_writing(run: Run, chance: Chance) -> None:
    """Advance until some step of a write is done for the n-th time, and crash there."""
    module, name = chance.crash_point()
    genuine, left = getattr(module, name), chance.below(4)

    def crash(*arguments: Any) -> Any:
        nonlocal left
        done = genuine(*arguments)
        left -= 1
        if left < 0:
            raise Crashed
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, crash)
        try:
            run.advance()
        except Crashed:
            run.start()


def play(world: World, seed: int, endpoints: int) -> None:
    chance = Chance(seed, world)
    clear_tables(world.connection)
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
            # The first endpoint is asked first; of three, at most one lies at a time.
            replays[0].lie = chance.failing() if endpoints == 1 else chance.lying()
        elif step == 3:
            replays[0].lie = truth
        elif step == 4:
            crash_while_writing(run, chance)
        elif step == 5:
            run.start()
        run.sync._length.blocks = 1 + chance.below(40)
        run.advance()
        if endpoints == 1 and (replays[0].lie is truth or world.knows(run.top())):
            run.check_tables()
    for replay in replays:
        replay.lie, replay.chain = truth, chain
    if not run.reaches(chain):
        # Only a chain that ends below the final block is waited for.
        number, hash_ = run.final()
        assert len(chain) - 1 < number
        run.check_tables()
        chain = next(f for f in world.forks if number < len(f) and hash_of(f[number]) == hash_)
        for replay in replays:
            replay.chain = chain
        assert run.reaches(chain)
    run.check_tables()
    run.sync.gas.finish(lambda: True)
    assert tables_in(run.connection) == world.clean(chain)


@hypothesis.settings(max_examples=EXAMPLES, deadline=None)
@hypothesis.given(seed=st.integers(0, 2**32))
def test_forks_crashes_and_faults_end_in_the_tables_of_a_clean_sync(
    world: World, seed: int
) -> None:
    play(world, seed, endpoints=1)


@hypothesis.settings(max_examples=EXAMPLES // 2, deadline=None)
@hypothesis.example(seed=107)
@hypothesis.example(seed=436)
@hypothesis.example(seed=2307)
@hypothesis.example(seed=2371)
@hypothesis.example(seed=2475)
@hypothesis.given(seed=st.integers(0, 2**32))
def test_one_lying_endpoint_of_three_changes_nothing_in_the_end(world: World, seed: int) -> None:
    play(world, seed, endpoints=3)
