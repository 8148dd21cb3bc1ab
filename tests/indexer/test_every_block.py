"""After every block of the season the mirror equals the contracts; undone, the tables are again
those of each height.

So what counts for a while is compared as well: nonces that are cancelled and not counted yet,
markets whose bets are partly settled, keys and councils before they change.

Branches: block by block forward · back from the head to every height at once, and block by block.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import pytest

from indexer.chain.rpc import Call, Endpoint
from indexer.mirror.rollback import roll_back_above
from tests.indexer.mirror import Mirror, Tables, mirror_of
from tests.support.house import House


class Limited(Endpoint):
    """A node that does not show blocks above a height."""

    height: ClassVar[int] = 0

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        return super().batch([self._limit(*call) for call in calls])

    def _limit(self, method: str, params: list[Any]) -> Call:
        newest = method == "eth_getBlockByNumber" and params[0] in ("latest", "finalized")
        return (method, [hex(self.height), *params[1:]]) if newest else (method, params)


def event_tables(mirror: Mirror) -> Tables:
    """All tables but that of the checkpoint."""
    return {name: rows for name, rows in mirror.tables().items() if name != "deployment"}


@pytest.mark.parametrize("shared_house", ["anvil"], indirect=True)
def test_every_block_equals_the_contracts_and_can_be_undone(
    house: House, fresh_database: str
) -> None:
    deployed = house.contracts.by_name["Bankroll"].address
    head = house.node.web3.eth.block_number
    first = next(n for n in range(head) if house.node.web3.eth.get_code(deployed, n))
    with mirror_of(fresh_database, house, kind=Limited) as mirror:
        tables: dict[int, Tables] = {}
        for Limited.height in range(first, head + 1):
            mirror.catch_up()
            assert mirror.difference() is None, f"block {Limited.height}"
            tables[Limited.height] = event_tables(mirror)
        assert len(tables) > 100
        for height in reversed(range(first, head)):
            with mirror.connection.transaction(force_rollback=True):
                roll_back_above(mirror.connection, 1, height)
                assert event_tables(mirror) == tables[height], f"from the head to block {height}"
        for height in reversed(range(first, head)):
            roll_back_above(mirror.connection, 1, height)
            assert event_tables(mirror) == tables[height], f"block by block to block {height}"
        assert not tables[first]["batch"]
