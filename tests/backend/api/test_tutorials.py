"""The code of the tutorials works as it is printed, on the real contracts, indexer and API."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from dataclasses import dataclass

import pytest
from sqlalchemy import Engine

from scripts.devnet.paths import ROOT
from tests.backend.api.served_house import api_url, served
from tests.backend.api.test_enforceable import engine, match
from tests.support.house import RECEIPT_SIGNER, House
from tests.support.people import key_address, stranger_key
from tests.support.terms import UNIT

__all__ = ["api_url", "engine", "match"]

TUTORIALS = ROOT / "docs" / "tutorials"
BLOCK = re.compile(r"^```(python|js)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ENDINGS = {"python": ".py", "js": ".mjs"}
TIMEOUT_S = 90
PAGES = sorted(path.name for path in TUTORIALS.glob("*.md"))
STAKE_MICRO, DEPOSIT_MICRO = 2_500_000, 50 * UNIT


def program(page: str) -> tuple[str, str]:
    """The blocks of a tutorial as one program, and the ending of its file."""
    blocks = BLOCK.findall((TUTORIALS / page).read_text())
    (language,) = {language for language, _ in blocks}
    return "".join(code for _, code in blocks), ENDINGS[language]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended, and what it printed."""

    exit_code: int | None
    output: str

    @property
    def lines(self) -> list[str]:
        return self.output.splitlines()


async def run(page: str, settings: dict[str, str]) -> Ended:
    """Run the program of a tutorial. Node finds packages by its folder."""
    code, ending = program(page)
    file = ROOT / ".devnet" / f"tutorial-{os.getpid()}{ending}"
    file.write_text(code)
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable if ending == ".py" else "node",
            str(file),
            env={"PATH": os.environ["PATH"], **settings},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
        except TimeoutError:
            process.kill()
            output, _ = await process.communicate()
            pytest.fail(f"{page} did not end: {output.decode()}")
    finally:
        file.unlink()
    return Ended(process.returncode, output.decode())


def key_with_coins(house: House) -> tuple[str, str]:
    """A new key with coins for gas, and its address."""
    key = stranger_key(2_000)
    house.node.set_balance(key_address(key), 10**20)
    return f"0x{key.hex()}", key_address(key)


@pytest.mark.parametrize("page", PAGES)
async def test_tutorial_without_a_fixture_deposits_nothing(
    page: str, engine: Engine, house: House, redis_url: str
) -> None:
    key, owner = key_with_coins(house)
    house.send("TestToken", "mint", owner, DEPOSIT_MICRO)
    async with served(engine, house, redis_url) as (url, _):
        settings = {"API_URL": url, "RPC_URL": house.node.url, "PRIVATE_KEY": key}
        ended = await run(page, settings)
    assert (ended.exit_code, len(ended.lines)) == (1, 1), ended.output
    assert "no fixture is open to bet on: `make devnet START=eve RESET=1" in ended.output
    assert house.call("TestToken", "balanceOf", owner) == DEPOSIT_MICRO


@pytest.mark.parametrize("page", PAGES)
async def test_tutorial_bets_enforces_and_withdraws(page: str, house: House, api_url: str) -> None:
    key, owner = key_with_coins(house)
    settings = {
        "API_URL": api_url,
        "RPC_URL": house.node.url,
        "PRIVATE_KEY": key,
        "ENFORCE": "1",
    }
    poor = await run(page, settings)
    assert (poor.exit_code, len(poor.lines)) == (1, 1), poor.output
    assert f"{owner} has less than 50 tokens" in poor.output

    house.send("TestToken", "mint", owner, 2 * DEPOSIT_MICRO)
    first = await run(page, settings)
    assert first.exit_code == 0, first.output
    assert f"the receipt is signed by {key_address(RECEIPT_SIGNER)}" in first.lines
    assert "placed by its receipt" in first.lines
    assert "bet 0 of batch 1 is open" in first.lines
    assert first.lines[-1] == f"paid {DEPOSIT_MICRO - STAKE_MICRO}"
    # On the chain: the bet is placed, the rest is with its owner again.
    account = house.call("Sportsbook", "accountOf", owner)
    assert house.call("Sportsbook", "accountAt", account)[2] == 1
    assert house.call("TestToken", "balanceOf", owner) == 2 * DEPOSIT_MICRO - STAKE_MICRO

    # Again, while the cancellation of the first run is pending.
    second = await run(page, settings)
    assert second.exit_code == 0, second.output
    assert "not cancelled again" in second.output
    assert second.lines[-1] == f"paid {DEPOSIT_MICRO - STAKE_MICRO}"
    assert house.call("TestToken", "balanceOf", owner) == 2 * (DEPOSIT_MICRO - STAKE_MICRO)


@pytest.mark.parametrize("page", PAGES)
async def test_tutorial_names_what_is_not_set(page: str) -> None:
    ended = await run(page, {"RPC_URL": "http://127.0.0.1:1"})
    assert (ended.exit_code, len(ended.lines)) == (1, 1), ended.output
    assert "API_URL, PRIVATE_KEY is not set: `source" in ended.output


def test_every_language_has_a_tutorial() -> None:
    assert {path.stem for path in TUTORIALS.glob("*.md")} == {"ethers", "python", "viem"}
