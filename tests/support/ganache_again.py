"""Marks the tests on Ganache that `make test` leaves to `make test-ganache`.

Their subject is what our own code does off the chain: on Ganache they prove again what they have
proved on Anvil. `make test` runs on both chains what depends on what a node answers, forgets or
refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest

MARK = "ganache_again"


def mark(items: Iterable[pytest.Item], folder: Path, tables: Mapping[str, Sequence[str]]) -> None:
    """`tables` name, by the reason why, files below a folder, tests in them as PATH::NAME, or one
    of a test's cases as PATH::NAME[CASE]."""
    named = {name for names in tables.values() for name in names}
    for item in items:
        if not isinstance(item, pytest.Function) or folder not in item.path.parents:
            continue
        on_ganache = hasattr(item, "callspec") and "ganache" in item.callspec.params.values()
        file = item.path.relative_to(folder).as_posix()
        names = {file, f"{file}::{item.originalname}", f"{file}::{item.name}"}
        if on_ganache and named & names:
            item.add_marker(MARK)
