"""Metrics and health follow what happens.

Branches: lag in blocks and in seconds · rows and their rate · reorgs and rolled back blocks ·
errors by endpoint · silence of the nodes · health: starting, leading, behind and writing, behind
and stuck, without news, a first sync, building indexes, standby, stopped.
"""

from __future__ import annotations

from typing import Any

import pytest

from indexer.chain.blocks import Header
from indexer.mirror.checkpoint import StoredBlock, stored
from indexer.ops.metrics import PATIENCE_S, Metrics
from tests.indexer.faulty_node import Broken, faulty_node
from tests.indexer.mirror import Mirror, mirror_of
from tests.support.house import House


class Watched:
    """Metrics with a clock that the test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.metrics = Metrics(lambda: self.now_s)

    def value(self, name: str) -> float:
        return value_of(self.metrics, name)

    @property
    def ok(self) -> bool:
        return self.metrics.health().ok


def value_of(metrics: Metrics, name: str) -> float:
    for line in metrics.exposition().decode().splitlines():
        if line.rpartition(" ")[0] == f"fairline_indexer_{name}":
            return float(line.rpartition(" ")[2])
    raise AssertionError(f"no metric {name}")


def block(number: int) -> Header:
    return Header(number, b"", b"", 1_000 + 12 * number, 0)


def mirrored(number: int) -> StoredBlock:
    return stored(block(number))


def test_lag_rows_and_rate_follow_the_mirror() -> None:
    watched = Watched()
    watched.metrics.saw(block(50))
    watched.metrics.wrote(mirrored(20), 300)
    assert watched.value("lag_blocks") == 30
    assert watched.value("lag_seconds") == 360
    watched.now_s += 5
    watched.metrics.wrote(mirrored(50), 100)
    assert watched.value("lag_blocks") == watched.value("lag_seconds") == 0
    assert watched.value("rows_total") == 400
    assert watched.value("rows_per_second") == 40
    watched.now_s += 6
    assert watched.value("rows_per_second") == 10
    watched.metrics.saw(block(53))
    assert watched.value("lag_blocks") == 3
    assert watched.value("lag_seconds") == 36
    watched.now_s += 60
    assert watched.value("silence_seconds") == 60
    assert watched.value("rows_per_second") == 0


def test_stages_and_health_agree() -> None:
    watched = Watched()
    watched.metrics.stages(-1, None)
    assert watched.metrics.health().figures["confirmed_block"] is None
    watched.metrics.saw(block(50))
    watched.metrics.wrote(mirrored(50), 1)
    watched.metrics.stages(48, 44)
    assert (watched.value("confirmed_block"), watched.value("final_block")) == (48, 44)
    figures = watched.metrics.health().figures
    assert (figures["confirmed_block"], figures["final_block"]) == (48, 44)


def test_first_sync_is_healthy_while_it_writes_and_builds_indexes() -> None:
    watched = Watched()
    watched.metrics.leads(True)
    watched.metrics.saw(block(50_000))
    for head in range(10):
        watched.now_s += PATIENCE_S - 1
        watched.metrics.wrote(mirrored(head), 1)
        assert watched.ok
    with watched.metrics.building_indexes():
        watched.now_s += 10 * PATIENCE_S
        assert watched.ok
        assert watched.metrics.health().figures["state"] == "building indexes"
    assert not watched.ok
    assert watched.metrics.health().figures["state"] == "leader"


def test_leader_is_healthy_while_it_hears_from_nodes_and_keeps_up() -> None:
    watched = Watched()
    assert not watched.ok
    watched.metrics.leads(True)
    watched.metrics.saw(block(50))
    watched.metrics.wrote(mirrored(10), 1)
    assert watched.ok
    watched.now_s += PATIENCE_S - 1
    watched.metrics.saw(block(51))
    assert watched.ok
    # It hears from nodes, is behind, and writes nothing.
    watched.now_s += 2
    watched.metrics.saw(block(52))
    assert not watched.ok
    watched.metrics.wrote(mirrored(52), 1)
    assert watched.ok
    # Caught up, and no new block for long, but nodes answer.
    watched.now_s += 10 * PATIENCE_S
    watched.metrics.saw(block(52))
    assert watched.ok
    watched.now_s += PATIENCE_S + 1
    assert not watched.ok
    watched.metrics.leads(False)
    assert watched.ok
    watched.metrics.stopped()
    assert not watched.ok


@pytest.mark.parametrize("shared_house", ["anvil"], indirect=True)
def test_reorgs_and_endpoint_errors_are_counted(house: House, fresh_database: str) -> None:
    node = house.node

    def fail(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        raise Broken(500, b"down")

    with faulty_node(node.url) as broken:
        urls = (broken.address, node.url)
        with mirror_of(fresh_database, house, *urls) as mirror:
            mirror.catch_up()
            snapshot = node.rpc("evm_snapshot")
            node.mine(3)
            mirror.catch_up()
            node.fork(snapshot)
            node.mine(5)
            mirror.catch_up()
            assert value_of(mirror.metrics, "reorgs_total") == 1
            assert value_of(mirror.metrics, "blocks_undone_total") == 3
            broken.fault = fail
            node.mine()
            mirror.catch_up()
            name = broken.address.removeprefix("http://")
            assert value_of(mirror.metrics, f'endpoint_errors_total{{endpoint="{name}"}}') >= 1
            assert _level(mirror, house)


def _level(mirror: Mirror, house: House) -> bool:
    return value_of(mirror.metrics, "head_block") == house.node.web3.eth.block_number
