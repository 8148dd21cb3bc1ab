"""The API reference opens in a real browser under the content policy, on a desktop and on a phone.

Nothing is blocked, nothing is complained of in the console, nothing comes from another host, and
a request can be tried out. Neither database nor Redis nor node is needed for it.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from backend.api_settings import ApiSettings
from backend.app import build
from backend.ops import reference
from backend.services import Services
from tests.backend.api.bettors import CHAIN_ID, SPORTSBOOK
from tests.backend.api.client import until
from tests.backend.api.world import SETTINGS

HERE = Path(__file__).parent
TIMEOUT_S = 270


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    """The API, with none of its servers."""
    async with served(tmp_path) as made:
        yield made


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[str]:
    file = folder / "deployment.json"
    contracts = {"Sportsbook": SPORTSBOOK, "Results": SPORTSBOOK}
    file.write_text(json.dumps({"chain_id": CHAIN_ID, "contracts": contracts}))
    nowhere = {
        "database_url": "postgresql://nobody@127.0.0.1:1/none",
        "redis_url": "redis://127.0.0.1:1",
        "deployment_file": file,
        "receipt_window_s": 600,
        "exit_delay_s": 1_200,
    }
    services = Services.from_settings(ApiSettings(**{**SETTINGS, **nowhere}))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(build(services), log_level="critical"))
        serving = asyncio.create_task(server.serve([listening]))
        await until(lambda: server.started)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        await serving


async def opened(
    address: str, folder: Path, *arguments: str, script: str = "reference_page.mjs"
) -> dict[str, Any]:
    """What a browser found that a script of this folder drove."""
    process = await asyncio.create_subprocess_exec(
        *("node", str(HERE / script), address, *arguments),
        # What the browser unpacks goes with the test, also if it is killed.
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    except TimeoutError:
        # It closes the browser before it ends.
        process.terminate()
        await process.wait()
        raise
    assert process.returncode == 0, errors.decode()
    found: dict[str, Any] = json.loads(output)
    return found


async def test_reference_opens_in_a_browser_without_a_complaint(
    address: str, tmp_path: Path
) -> None:
    async with httpx.AsyncClient(base_url=address) as api:
        paths = set((await api.get("/openapi.json")).json()["paths"])
    found = await opened(address, tmp_path)
    assert set(found) == {"desktop", "phone"}
    for screen, page in found.items():
        assert page["complaints"] == [], screen
        assert page["hosts"] == [address], screen
        assert {path.replace("\u200b", "") for path in page["paths"]} == paths, screen
        assert {"Odds moved", "Insufficient balance"} <= set(page["refusals"]), screen
        assert page["wide"] == 0, screen
        assert json.loads(page["answer"]) == {"status": "ok"}, screen


async def test_policy_of_the_reference_allows_no_inline_script_and_no_other_host(
    address: str,
) -> None:
    async with httpx.AsyncClient(base_url=address) as api:
        page = await api.get("/docs")
        directives = dict(
            directive.strip().split(" ", 1)
            for directive in page.headers["content-security-policy"].split(";")
        )
        assert directives["default-src"] == "'none'"
        for name in ("script-src", "style-src", "connect-src"):
            assert directives[name] == "'self'"
        assert directives["img-src"] == "'self' data:"
        assert "://" not in page.text
        for path in ("/docs/reference.js", "/openapi.json"):
            assert "data:" not in (await api.get(path)).headers["content-security-policy"]


async def test_of_the_package_only_what_the_page_uses_is_served(address: str) -> None:
    async with httpx.AsyncClient(base_url=address) as api:
        for name in reference.FILES:
            assert (await api.get(f"/docs/swagger-ui/{name}")).status_code == 200
        assert (reference.PACKAGE / "index.html").exists()
        for name in ("", "index.html", "swagger-initializer.js", "../swagger-ui-dist/index.html"):
            assert (await api.get(f"/docs/swagger-ui/{name}")).status_code == 404, name


async def test_without_the_package_the_api_starts_and_the_page_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference, "PACKAGE", tmp_path / "none")
    async with served(tmp_path) as address, httpx.AsyncClient(base_url=address) as api:
        assert (await api.get("/docs")).status_code == 200
        assert (await api.get(f"/docs/swagger-ui/{reference.FILES[0]}")).status_code == 404
        found = await opened(address, tmp_path, "without")
        assert "run make setup" in found["text"]
