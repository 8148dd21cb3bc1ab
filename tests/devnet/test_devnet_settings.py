"""Settings of `make devnet` that are wrong or ports that are taken, before anything starts; and how
its commands read lengths, times and amounts."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from scripts.devnet import DevnetError
from scripts.devnet.commands import target, units
from scripts.devnet.devnet_settings import DevnetSettings
from scripts.devnet.paths import preferred_port
from tests.devnet.devnet import RunningDevnet


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"START": "tomorrow"}, "START=tomorrow is not known: use START=eve"),
        ({"CHAIN": "hardhat"}, "CHAIN=hardhat is not supported"),
        ({"START": "eve", "RPC_URL": "http://127.0.0.1:9"}, "START is for a chain"),
    ],
)
def test_wrong_setting_is_one_sentence(
    environment: dict[str, str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(DevnetError, match=message):
        DevnetSettings.from_environment({**environment, "STATE_FOLDER": str(tmp_path)})


def test_taken_port_that_nobody_asked_for_is_avoided() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        chosen = preferred_port(0, port)
        assert chosen not in (0, port)
    assert preferred_port(0, port) == port


@pytest.mark.parametrize("wanted", ["taken", "70000", "x"])
def test_port_that_the_api_cannot_have_is_refused_before_anything_starts(
    wanted: str, tmp_path: Path
) -> None:
    devnet = RunningDevnet(tmp_path / "state", "anvil")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1]) if wanted == "taken" else wanted
        refused = devnet.command(API_PORT=port, SERVICES="1")
    assert refused.returncode == 2
    said = f"Port {port} is taken" if wanted == "taken" else f"API_PORT={port} is not a port"
    assert said in refused.stderr
    assert "Starting PostgreSQL" not in refused.stdout
    assert "Stopping" not in refused.stdout


def test_lengths_times_and_amounts_are_read() -> None:
    assert [target(text, 100) for text in ("90s", "+2m", "1h30m", "1d")] == [
        *(190, 220, 5_500, 86_500)
    ]
    assert target("2025-05-25T15:00:00Z", 0) == target("2025-05-25 15:00", 0) == 1_748_185_200
    assert units("1,000.5", 6) == 1_000_500_000
    for amount in ("-5", "1e3", "0.0000001"):
        with pytest.raises(DevnetError, match="is not an amount"):
            units(amount, 6)
    with pytest.raises(DevnetError, match="is not a time"):
        target("later", 0)
