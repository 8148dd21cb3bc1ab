"""The figures that Prometheus and supervisors see follow what happens.

Branches: lag in blocks and in seconds · rows and their rate · reorgs and what they undid · errors
by endpoint · silence of the nodes · well: starting, leading, behind and moving, behind and stuck,
not hearing, a first sync, making indexes, standing by, refusing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from indexer.chain.blocks import Header
from indexer.ops.metrics import PATIENCE_S, Metrics
from tests.indexer.faulty import Broken, faulty_node
from tests.indexer.house import House
from tests.indexer.mirror import Mirror, mirror_of


class Watched:
    """Metrics with a clock that is moved by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.metrics = Metrics(lambda: self.now_s)

    def figure(self, name: str) -> float:
        return figure(self.metrics, name)

    @property
    def ok(self) -> bool:
        return self.metrics.health().ok


def figure(metrics: Metrics, name: str) -> float:
    for line in metrics.exposition().decode().splitlines():
        if line.rpartition(" ")[0] == f"fairline_indexer_{name}":
            return float(line.rpartition(" ")[2])
    raise AssertionError(f"no figure {name}")


def block(number: int) -> Header:
    return Header(number, b"", b"", 1_000 + 12 * number, 0)


def test_lag_rows_and_rate_follow_the_mirror() -> None:
    watched = Watched()
    watched.metrics.saw(block(50))
    watched.metrics.wrote(block(20), 300)
    assert watched.figure("lag_blocks") == 30
    assert watched.figure("lag_seconds") == 360
    watched.now_s += 5
    watched.metrics.wrote(block(50), 100)
    assert watched.figure("lag_blocks") == watched.figure("lag_seconds") == 0
    assert watched.figure("rows_total") == 400
    assert watched.figure("rows_per_second") == 40
    watched.now_s += 6
    assert watched.figure("rows_per_second") == 10
    watched.metrics.saw(block(53))
    assert watched.figure("lag_blocks") == 3
    assert watched.figure("lag_seconds") == 36
    watched.now_s += 60
    assert watched.figure("silence_seconds") == 60
    assert watched.figure("rows_per_second") == 0


def test_stages_and_health_say_the_same() -> None:
    watched = Watched()
    watched.metrics.stages(-1, None)
    assert watched.metrics.health().figures["confirmed_block"] is None
    watched.metrics.saw(block(50))
    watched.metrics.wrote(block(50), 1)
    watched.metrics.stages(48, 44)
    assert (watched.figure("confirmed_block"), watched.figure("final_block")) == (48, 44)
    figures = watched.metrics.health().figures
    assert (figures["confirmed_block"], figures["final_block"]) == (48, 44)


def test_first_sync_is_well_while_it_writes_and_while_indexes_are_made() -> None:
    watched = Watched()
    watched.metrics.leads(True)
    watched.metrics.saw(block(50_000))
    for head in range(10):
        watched.now_s += PATIENCE_S - 1
        watched.metrics.wrote(block(head), 1)
        assert watched.ok
    with watched.metrics.making_indexes():
        watched.now_s += 10 * PATIENCE_S
        assert watched.ok
        assert watched.metrics.health().figures["state"] == "makes indexes"
    assert not watched.ok
    assert watched.metrics.health().figures["state"] == "leads"


def test_well_is_who_hears_of_the_chain_and_moves() -> None:
    watched = Watched()
    assert not watched.ok
    watched.metrics.leads(True)
    watched.metrics.saw(block(50))
    watched.metrics.wrote(block(10), 1)
    assert watched.ok
    watched.now_s += PATIENCE_S - 1
    watched.metrics.saw(block(51))
    assert watched.ok
    # It hears, is behind, and writes nothing.
    watched.now_s += 2
    watched.metrics.saw(block(52))
    assert not watched.ok
    watched.metrics.wrote(block(52), 1)
    assert watched.ok
    # Level, and nothing new for long, but nodes answer.
    watched.now_s += 10 * PATIENCE_S
    watched.metrics.saw(block(52))
    assert watched.ok
    watched.now_s += PATIENCE_S + 1
    assert not watched.ok
    watched.metrics.leads(False)
    assert watched.ok
    watched.metrics.refuses()
    assert not watched.ok


@pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)
def test_reorgs_and_endpoint_errors_are_counted(
    season: tuple[House, Path], fresh_database: str
) -> None:
    house, folder = season
    node = house.book.node

    def fail(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        raise Broken(500, b"down")

    with faulty_node(node.url) as broken:
        urls = (broken.address, node.url)
        with mirror_of(fresh_database, house.book, folder, *urls) as mirror:
            mirror.catch_up()
            snapshot = node.rpc("evm_snapshot")
            node.mine(3)
            mirror.catch_up()
            node.rpc("evm_revert", snapshot)
            node.mine(5)
            mirror.catch_up()
            assert figure(mirror.metrics, "reorgs_total") == 1
            assert figure(mirror.metrics, "blocks_undone_total") == 3
            broken.fault = fail
            node.mine()
            mirror.catch_up()
            name = broken.address.removeprefix("http://")
            assert figure(mirror.metrics, f'endpoint_errors_total{{endpoint="{name}"}}') >= 1
            assert _level(mirror, house)


def _level(mirror: Mirror, house: House) -> bool:
    return figure(mirror.metrics, "head_block") == house.book.node.web3.eth.block_number
