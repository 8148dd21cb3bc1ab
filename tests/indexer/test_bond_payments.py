"""Bonds are paid with their disputes, or later while the token does not move: the mirror tells."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from protocol.market_id import fixture_id
from protocol.typed_data import Result
from tests.indexer.mirror import mirror_of
from tests.support.house import House
from tests.support.nodes import running_node
from tests.support.terms import BOND_MICRO


def test_bond_payments_are_mirrored(tmp_path: Path, fresh_database: str) -> None:
    with running_node("anvil", tmp_path / "chain") as node:
        house = House(node, tmp_path, decimals=18)
        book, critic = house.contracts.by_name["Sportsbook"].address, house.call("Results", "owner")
        results = [Result(fixture_id(name), 1, 0, 0, 1, 0, house.now_s()) for name in "ABC"]
        house.publish(*results)
        for result in results:
            house.send("Results", "dispute", result.fixture)
        house.rule(results[0])
        house.send("ScaledToken", "setPaused", True)
        house.rule(results[1])
        house.rule(replace(results[2], home_full=0))
        house.send("ScaledToken", "setPaused", False)
        house.send("Results", "payBonds", critic)
        with mirror_of(fresh_database, house) as mirror:
            mirror.catch_up()
            assert mirror.difference() is None
            paid = "SELECT address, amount_micro FROM mirror.bond_payment ORDER BY block"
            assert mirror.rows(paid) == [(book, BOND_MICRO), (critic, BOND_MICRO)]
            closed = "SELECT refunded FROM mirror.dispute WHERE refunded IS NOT NULL ORDER BY block"
            assert mirror.rows(closed) == [(False,), (False,), (True,)]
