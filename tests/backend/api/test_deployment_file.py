"""Tests how the deployment file is read: addresses, time windows and refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from backend.deployment import ContractWindows, Deployment, DeploymentInvalid
from protocol.scale import Scale

CONTRACTS = {"Sportsbook": "0x" + "12" * 20, "Results": "0x" + "34" * 20}
WINDOWS = {"receipt_window_s": 600, "exit_delay_s": 1_200}


def read(folder: Path, **members: Any) -> Deployment:
    file = folder / "deployment.json"
    file.write_text(json.dumps({"chain_id": 1337, "contracts": CONTRACTS} | members))
    return Deployment.read(file, 1337)


def test_windows_of_the_file_come_before_the_settings(tmp_path: Path) -> None:
    named = read(tmp_path, parameters=WINDOWS)
    assert named.windows(None, None) == ContractWindows(600, 1_200)
    assert named.windows(7, 8) == ContractWindows(600, 1_200)
    partly = read(tmp_path, parameters={"receipt_window_s": 600})
    assert partly.windows(7, 8) == ContractWindows(600, 8)
    for unnamed in (read(tmp_path), read(tmp_path, parameters=None)):
        assert unnamed.windows(7, 8) == ContractWindows(7, 8)


def test_token_has_the_decimals_of_the_file_or_six(tmp_path: Path) -> None:
    assert read(tmp_path).scale == Scale(1, 1)
    assert read(tmp_path, token_decimals=18).scale == Scale(10**12, 1)
    assert read(tmp_path, token_decimals=2).scale == Scale(1, 10_000)


def test_window_that_nothing_names_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeploymentInvalid, match="exit_delay_s: set EXIT_DELAY_S"):
        read(tmp_path, parameters={"receipt_window_s": 600}).windows(7, None)


@pytest.mark.parametrize(
    "members",
    [
        {"parameters": [600]},
        {"parameters": "600"},
        {"parameters": {"receipt_window_s": "600"}},
        {"contracts": {}},
        {"contracts": []},
        {"chain_id": None},
        {"token_decimals": "6"},
        {"token_decimals": 19},
        {"token_decimals": -1},
    ],
)
def test_malformed_deployment_file_is_refused(tmp_path: Path, members: dict[str, Any]) -> None:
    with pytest.raises(DeploymentInvalid, match="is not a deployment file"):
        read(tmp_path, **members)


def test_text_that_is_not_a_json_object_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "deployment.json"
    for text in ("", "[]", "{", "7"):
        file.write_text(text)
        with pytest.raises(DeploymentInvalid, match="is not a deployment file"):
            Deployment.read(file, 1337)


def test_deployment_on_another_chain_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeploymentInvalid, match="is for chain 5, but CHAIN_ID is 1337"):
        read(tmp_path, chain_id=5)
