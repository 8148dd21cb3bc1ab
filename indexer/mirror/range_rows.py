"""Collects the rows and deltas of one range; does no I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar

from eth_utils.address import to_checksum_address

from indexer.decode import events as ev
from indexer.mirror.row_changes import Changes
from indexer.mirror.tables import MirrorRow, Movement


@lru_cache(maxsize=65_536)
def address_of(raw: bytes) -> str:
    """The address as the mirror stores it, with its checksum."""
    return to_checksum_address(raw)


@dataclass
class RangeRows:
    """The changes of a range so far, to which the handlers of events add."""

    deployment: int
    changes: Changes = field(default_factory=Changes)

    def add(self, table: type[MirrorRow], *row: Any) -> None:
        """Add a row of a table, in the order of its columns."""
        self.changes.rows[table].append(row)

    def at(self, logged: ev.Logged) -> tuple[int, int, int]:
        """The columns that say where an event was logged."""
        return self.deployment, logged.block, logged.log_index

    def move(
        self,
        logged: ev.Logged,
        account: int,
        kind: str,
        delta_micro: int,
        by_exit: bool | None = None,
    ) -> None:
        """Change a balance, and add the movement."""
        self.changes.balances[account] += delta_micro
        self.add(
            Movement,
            *(*self.at(logged), 0, account, kind, delta_micro),
            *(None, None, by_exit, logged.tx_hash),
        )


Rows = TypeVar("Rows", bound=RangeRows)
Handlers = Mapping[type[ev.Event], Callable[[Rows, ev.Logged, Any], None]]
"""What adds the rows of each kind of event."""
