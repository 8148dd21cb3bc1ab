"""Offers a whole house on a chain, which the visits of this folder share."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.devnet import env_file
from scripts.devnet.chain import account_key
from tests.devnet.devnet import RunningDevnet

START_S = 180.0


@dataclass(frozen=True, slots=True)
class House:
    """Where a running house answers, its database, and the file with its settings."""

    url: str
    node: str
    database_url: str
    env_file: Path

    def visitors(self, *numbers: int) -> str:
        """The keys of funded accounts without a role, as scripts take them. They have no tokens."""
        return ",".join(account_key(number) for number in numbers)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Nobody can bet in a house whose match day was played to the end."""
    items.sort(key=lambda item: item.get_closest_marker("plays_the_match_day") is not None)


def micro(shown: str) -> int:
    """Micro-units of an amount as the app shows it: "1,093.7761 tUSD"."""
    whole, fraction = shown.removesuffix(" tUSD").replace(",", "").split(".")
    return int(whole) * 10**6 + int(f"{fraction:0<6}")


@pytest.fixture(
    scope="session", params=["anvil", pytest.param("ganache", marks=pytest.mark.ganache_again)]
)
def house(request: pytest.FixtureRequest, devnet_state: Path) -> Iterator[House]:
    devnet = RunningDevnet(devnet_state / f"house {request.param}", request.param)
    devnet.start(SERVICES="1", START="eve", CHAIN=request.param)
    url, node = (f"http://127.0.0.1:{devnet.ports[name]}" for name in ("API_PORT", "RPC_PORT"))
    until = time.monotonic() + START_S
    while not any(f"The page: {url}" in line for line in devnet.printed):
        assert time.monotonic() < until, devnet.printed
        time.sleep(0.2)
    yield House(url, node, devnet.record.database_url, devnet.state / env_file.NAME)
    assert devnet.stop(signal.SIGINT) in (0, 130), devnet.since_ready
