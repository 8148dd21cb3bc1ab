"""The TypeScript client, built as users build it, bets on a real house, and refuses what an API
could lie about.

Branches: accepted, found, left out · a lost answer, and none before the deadline · enforced by
its receipt · an API of another contract or chain · an account that is not the key's · a nonce that
is used · call data of another function · receipts that do not commit the house · the stream, over a
lost connection.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from scripts.devnet.paths import ROOT
from tests.backend.api.bettors import ALPHA
from tests.backend.api.client_house import (
    DEADLINE_S,
    HASH,
    INVALID,
    MIN_ODDS_E4,
    STAKE_MICRO,
    ClientHouse,
    client_house,
)
from tests.backend.api.served_house import api_url
from tests.backend.api.test_enforceable import engine, match
from tests.backend.api.world import World
from tests.backend.surface.process import running_api
from tests.support.house import House
from tests.support.people import stranger_key

__all__ = ["api_url", "client_house", "engine", "match"]

PROGRAM = Path(__file__).with_name("typescript_client.mjs")
ENDS_WITHIN_S = 90


@pytest.fixture(scope="module")
def built() -> Iterator[Path]:
    """The client in JavaScript, where it finds viem."""
    with TemporaryDirectory(dir=ROOT / ".devnet", prefix="typescript-client-") as folder:
        compiler = ROOT / "node_modules" / ".bin" / "tsc"
        project = ROOT / "clients" / "typescript"
        done = subprocess.run(
            [compiler, "-p", project, "--outDir", folder],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        (Path(folder) / "package.json").write_text('{"type": "module"}')
        yield Path(folder)


@asynccontextmanager
async def running(what: str, settings: dict[str, Any]) -> AsyncIterator[asyncio.StreamReader]:
    """What the program says while it tries this. It must end by itself, well."""
    # Node 20 has a WebSocket for those who ask for it.
    process = await asyncio.create_subprocess_exec(
        "node",
        "--experimental-websocket",
        str(PROGRAM),
        what,
        env={"CLIENT_HOUSE": json.dumps(settings), "PATH": os.environ["PATH"]},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(ENDS_WITHIN_S):
            yield process.stdout
            assert await process.wait() == 0, (await process.stderr.read()).decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def said(what: str, house: ClientHouse, built: Path, **more: Any) -> list[dict[str, Any]]:
    """Everything that the program says."""
    settings = {
        "built": str(built),
        "api_url": house.api_url,
        "rpc_url": house.rpc_url,
        "address": house.address,
        "key": f"0x{house.bettor.key.hex()}",
        "stake_micro": STAKE_MICRO,
    }
    async with running(what, {**settings, **more}) as output:
        return [json.loads(line) async for line in output]


async def test_bet_is_accepted_checked_and_enforced(
    client_house: ClientHouse, house: House, built: Path
) -> None:
    made, waiting, enforced, again = await said("bets", client_house, built)
    assert sorted(made.pop("nonces")) == [1, 2]
    assert made == {"found": [True, True], "unknown": None}
    # No operator runs here.
    assert waiting["name"] == "NotPlaced"
    assert "the bet is accepted" in waiting["message"]
    assert enforced == {"placed": 0}
    assert again["name"] != "nothing"
    assert house.call("Sportsbook", "accountAt", client_house.bettor.account)[2] > 0


async def test_lost_answer_bets_once(client_house: ClientHouse, built: Path) -> None:
    assert await said("lost", client_house, built) == [{"lost": True, "ids": [True]}]


async def test_slip_without_an_answer_ends_with_its_deadline(
    client_house: ClientHouse, built: Path
) -> None:
    (ended,) = await said("unanswered", client_house, built)
    assert ended["name"] == "Unanswered"
    assert "no answer before the deadline" in ended["message"]
    assert ended["found"] is None


async def test_refusal_is_thrown_with_its_code(client_house: ClientHouse, built: Path) -> None:
    moved, unknown, away = await said("refusals", client_house, built)
    assert (moved["name"], moved["code"]) == ("Refused", "odds-moved")
    assert (unknown["name"], "has no outcome 9" in unknown["message"]) == ("RangeError", True)
    assert (away["name"], "127.0.0.1:9" in away["message"]) == ("NoAnswer", True)


async def test_what_differs_from_the_contract_is_not_signed(
    client_house: ClientHouse, built: Path
) -> None:
    key = f"0x{stranger_key(2_100).hex()}"
    differing = await said("differs", client_house, built, stranger_key=key)
    assert {one["name"] for one in differing} == {"HouseDiffers"}
    words = [
        "not of 0x",
        "of chain 1, the node of 1337",
        "has no account yet",
        "nonce 0 of account",
        "wants 0x1234abcd to be called",
        "to send the transaction to",
    ]
    for one, expected in zip(differing, words, strict=True):
        assert expected in one["message"]


async def test_receipt_that_does_not_commit_the_house_is_reported(
    client_house: ClientHouse, house: House, built: Path
) -> None:
    now_s = int(house.node.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    made = [client_house.receipt(name, now_s) for name in [*INVALID, "valid"]]
    answers = await said(
        "receipts",
        client_house,
        built,
        now_s=now_s,
        deadline_s=DEADLINE_S,
        min_odds_e4=MIN_ODDS_E4,
        hash=f"0x{HASH.hex()}",
        receipts=[receipt for receipt, _ in made],
    )
    assert [one["name"] for one in answers] == ["ReceiptInvalid"] * len(INVALID) + ["nothing"]
    for one, (_, words) in zip(answers, made, strict=True):
        assert words in one["message"]


async def test_stream_goes_on_over_a_restart(world: World, tmp_path: Path, built: Path) -> None:
    market = f"0x{ALPHA.result.pack().hex()}"
    prices = [(21_000, 31_000, 40_000), (22_000, 31_000, 40_000)]
    wanted = [",".join(map(str, one)) for one in prices]
    with running_api(tmp_path, world.environment()) as first:
        settings = {"built": str(built), "api_url": first.url, "market": market, "odds": wanted}
        async with running("stream", {**settings, "fixture": f"0x{ALPHA.id.hex()}"}) as output:
            await asyncio.to_thread(world.offer, ALPHA.result, *prices[0], version=2)
            assert json.loads(await output.readline()) == {"odds": wanted[0], "isFresh": True}
            await asyncio.to_thread(first.end)
            await asyncio.to_thread(world.offer, ALPHA.result, *prices[1], version=3)
            with running_api(tmp_path, world.environment(), port=first.port):
                line = await output.readline()
                assert json.loads(line) == {"odds": wanted[1], "isFresh": True}
