"""What the OpenAPI document says holds for every request that Schemathesis makes of it, with a real
chain, PostgreSQL and Redis.

Branches: examples that are in the house, with which every operation succeeds · the edges of the
schemas · random bodies and parameters, valid and not · requests that follow one another.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from protocol.signatures import sign
from protocol.typed_data import Withdrawal
from scripts.devnet.paths import STATE
from tests.backend.api.bettors import body_of
from tests.backend.api.live_house import live_settings
from tests.backend.api.test_enforceable import ODDS_E4, engine, match, signed
from tests.backend.surface.process import ApiProcess, running_api
from tests.support.accepted_slips import Game
from tests.support.house import House, Wanted
from tests.support.house_report import report_all_well
from tests.support.mirror import follow
from tests.support.slips import Pick
from tests.support.terms import UNIT

__all__ = ["engine", "match"]

# GET is what a request that is no WebSocket uses, and 426 is the right answer to it. An answer
# without an end cannot be checked here: test_stream.py reads it.
CONFIG = """
[[operations]]
include-path = "/v1/stream"
checks.positive_data_acceptance.expected-statuses = ["426"]

[[operations]]
include-path = "/v1/stream/events"
enabled = false
"""
# What only a wallet that signs just then can do; test_sign_in.py, test_cash_outs.py and
# test_relays.py do.
OF_A_WALLET = {
    ("post", "/v1/sessions"),
    ("post", "/v1/bets/{batch}/{bet}/cash-out"),
    ("post", "/v1/cash-outs/{offer_id}"),
    ("get", "/v1/cash-outs/{offer_id}"),
    ("post", "/v1/relays/permits"),
    ("post", "/v1/relays/authorizations"),
    ("post", "/v1/relays/requests"),
    ("get", "/v1/relays/by-hash/{relay_hash}"),
}
SCHEMATHESIS = STATE / "fuzz" / "bin" / "st"
EXAMPLES = 4
LIMIT_S = 240


@pytest.fixture(scope="module", params=["anvil"])
def deployed(request: pytest.FixtureRequest, deployments: object) -> House:
    """Anvil alone: the subject is what the API answers."""
    return deployments(request.param)  # type: ignore[no-any-return, operator]


@dataclass(frozen=True)
class FullHouse:
    """An API, a value of its house for each path parameter, and a body for each POST."""

    api: ApiProcess
    parameters: dict[str, Any]
    bodies: dict[str, dict[str, Any]]

    def document(self) -> dict[str, Any]:
        """Its OpenAPI document, with these values as examples."""
        document: dict[str, Any] = httpx.get(f"{self.api.url}/openapi.json", timeout=60).json()
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                for parameter in operation.get("parameters", []):
                    if parameter["in"] == "path" and parameter["name"] in self.parameters:
                        parameter["schema"].pop("examples", None)
                        parameter["example"] = self.parameters[parameter["name"]]
                if method == "post" and path in self.bodies:
                    content = operation["requestBody"]["content"]["application/json"]
                    content["example"] = self.bodies[path]
        return document


@pytest.fixture
def full_house(
    engine: Engine, house: House, redis_url: str, match: Game, tmp_path: Path
) -> Iterator[FullHouse]:
    """The API over a mirror of the chain, with an account that has a bet, a slip and a
    withdrawal."""
    settings = live_settings(engine, house, redis_url)
    bettor = house.open_account()
    batch = house.place(Wanted(bettor, (Pick(match.market, 0, ODDS_E4, match.name),), UNIT))
    report_all_well(engine, house.contracts.by_name["Sportsbook"].address)
    follow(engine, house)
    environment = {name.upper(): str(value) for name, value in settings.items()}
    withdrawal = Withdrawal(bettor.account, UNIT, house.now_s() + 250, 0)
    digest = house.slip_domain.digest(withdrawal.struct_hash())
    withdrawn = {
        "account": bettor.account,
        "amount_micro": str(UNIT),
        "deadline_s": withdrawal.deadline_s,
        "sequence": 0,
        "signature": f"0x{sign(digest, bettor.key).hex()}",
    }
    with running_api(tmp_path, environment) as api:
        slip = body_of(*signed(house, bettor, match, nonce=2))
        accepted = httpx.post(f"{api.url}/v1/slips", json=slip, timeout=60)
        assert accepted.status_code == 201, accepted.text
        granted = httpx.post(f"{api.url}/v1/withdrawals", json=withdrawn, timeout=60)
        assert granted.status_code == 201, granted.text
        parameters = {
            "account": bettor.account,
            "owner": bettor.address,
            "slip": accepted.json()["id"],
            "slip_hash": accepted.json()["receipt"]["slip"],
            "batch": batch,
            "bet": 0,
            "withdrawal_hash": granted.json()["withdrawal_hash"],
            "fixture": f"0x{match.market.fixture.hex()}",
            "market": f"0x{match.market.pack().hex()}",
            "name": "Sportsbook",
        }
        yield FullHouse(api, parameters, {"/v1/slips": slip, "/v1/withdrawals": withdrawn})


def answered(api: ApiProcess) -> dict[tuple[str, str], set[int]]:
    """The statuses that each operation was answered with, from the API's metrics."""
    found: dict[tuple[str, str], set[int]] = {}
    text = httpx.get(f"{api.url}/metrics", timeout=60).text
    for line in re.findall(r"^fairline_request_seconds_count\{(.*)\}", text, re.MULTILINE):
        labels = dict(re.findall(r'(\w+)="([^"]*)"', line))
        operation = (labels["method"].lower(), labels["route"])
        found.setdefault(operation, set()).add(int(labels["status"]))
    return found


def test_document_holds_for_generated_requests(full_house: FullHouse, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    document = full_house.document()
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    done = subprocess.run(
        [
            *(str(SCHEMATHESIS), "run", "openapi.json"),
            *("--url", full_house.api.url, "--checks", "all", "--max-examples", str(EXAMPLES)),
            *("--phases", "examples,coverage,fuzzing,stateful", "--seed", "7"),
            *("--continue-on-failure", "--no-shrink", "--output-sanitize", "false"),
            *("--generation-database", "none"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:]
    assert "Traceback" not in full_house.api.log
    operations = {(method, path) for path, found in document["paths"].items() for method in found}
    statuses = answered(full_house.api)
    without = {one for one in operations if not {200, 201} & statuses.get(one, set())}
    signed_in = {
        (method, path)
        for path, found in document["paths"].items()
        for method, operation in found.items()
        if operation.get("security")
    }
    expected = signed_in | OF_A_WALLET | {("get", "/v1/stream"), ("get", "/v1/stream/events")}
    assert without == expected, {one: statuses.get(one) for one in without ^ expected}
