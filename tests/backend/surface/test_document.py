"""What the OpenAPI document says holds for every request that Schemathesis makes of it, with a real
chain, PostgreSQL and Redis.

Branches: the examples of the document · the edges of its schemas · random bodies and parameters,
valid and not · requests that follow one another.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

from scripts.devnet.paths import STATE
from tests.backend.api.bettors import body_of
from tests.backend.api.live_house import live_settings
from tests.backend.api.test_enforceable import engine, match, signed
from tests.backend.surface.process import ApiProcess, running_api
from tests.support.accepted_slips import Game
from tests.support.house import House
from tests.support.house_report import report_all_well
from tests.support.mirror import follow

__all__ = ["engine", "match"]

# GET is what a request that is no WebSocket uses, and 426 is the right answer to it.
CONFIG = """
[[operations]]
include-path = "/v1/stream"
checks.positive_data_acceptance.expected-statuses = ["426"]
"""
SCHEMATHESIS = STATE / "fuzz" / "bin" / "st"
EXAMPLES = 4
LIMIT_S = 240


@pytest.fixture(scope="module", params=["anvil"])
def deployed(request: pytest.FixtureRequest, deployments: object) -> House:
    """Anvil alone: the subject is what the API answers."""
    return deployments(request.param)  # type: ignore[no-any-return, operator]


@pytest.fixture
def full_house(
    engine: Engine, house: House, redis_url: str, match: Game, tmp_path: Path
) -> Iterator[ApiProcess]:
    """The API over a mirror of the chain, with an account that has a slip and a withdrawal."""
    settings = live_settings(engine, house, redis_url)
    bettor = house.open_account()
    report_all_well(engine, house.contracts.by_name["Sportsbook"].address)
    follow(engine, house)
    environment = {name.upper(): str(value) for name, value in settings.items()}
    with running_api(tmp_path, environment) as api:
        slip, signature = signed(house, bettor, match)
        accepted = httpx.post(f"{api.url}/v1/slips", json=body_of(slip, signature))
        assert accepted.status_code == 201, accepted.text
        yield api


def test_document_holds_for_generated_requests(full_house: ApiProcess, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    done = subprocess.run(
        [
            *(str(SCHEMATHESIS), "run", f"{full_house.url}/openapi.json"),
            *("--url", full_house.url, "--checks", "all", "--max-examples", str(EXAMPLES)),
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
    assert "Traceback" not in full_house.log
