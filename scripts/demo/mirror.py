"""Reads the mirror's tables, to wait until the platform has done its part.

Nothing in the demo takes a figure of its report from here; the check of the mirror compares it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psycopg

from scripts.devnet import DevnetError
from scripts.devnet.postgres import plain_url

WAIT_LIMIT_S = 180.0
_PAUSE_S = 0.1


class Mirror:
    """The demo's database."""

    def __init__(self, database_url: str) -> None:
        self._url = plain_url(database_url)

    def select(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with psycopg.connect(self._url) as connection:
            return connection.execute(query.encode()).fetchall()

    def number(self, query: str) -> int:
        """The number that a query returns; 0 for NULL."""
        return int(self.select(query)[0][0] or 0)

    def wait_for(self, what: str, query: str, minimum: int) -> None:
        """Waits until a query returns at least `minimum`. Raises DevnetError when it does not."""
        wait_until(what, lambda: self.number(query) >= minimum)

    def wait_for_block(self, number: int) -> None:
        """Waits until the mirror has a block."""
        query = "SELECT max(head_block) FROM mirror.deployment"
        self.wait_for(f"block {number} in the mirror", query, number)

    def wait_for_time(self, timestamp_s: int) -> None:
        """Waits until the mirror has a block of that time."""
        query = "SELECT max(head_timestamp_s) FROM mirror.deployment"
        self.wait_for("the mirror's clock", query, timestamp_s)


def wait_until(what: str, check: Callable[[], bool]) -> None:
    """Waits until a check is true. Raises DevnetError when that takes more than WAIT_LIMIT_S."""
    until = time.monotonic() + WAIT_LIMIT_S
    while not check():
        if time.monotonic() > until:
            raise DevnetError(
                f"Timed out after {WAIT_LIMIT_S:.0f} s, waiting for {what}: see"
                " .devnet/logs/all.log."
            )
        time.sleep(_PAUSE_S)
