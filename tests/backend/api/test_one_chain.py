"""Deployment file, node and mirror must be of one chain: an id alone does not tell it.

Branches: all of one chain · the node has another genesis block than the file · the mirror has
another first block than the node · what is not known says nothing. /readyz, slips and withdrawals
agree, and the log has the sentence from the start.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from structlog.testing import capture_logs

from backend.deployment import Deployment
from backend.one_chain import NO_HASHES, ChainHashes, other_chain
from backend.ops.readiness import watch
from backend.services import Services
from tests.backend.api.bettors import CHAIN_ID, HASH, SPORTSBOOK, Bettor, signed
from tests.backend.api.client import is_problem, until
from tests.backend.api.fake_chain import FakeChain
from tests.backend.api.test_withdrawals import body as withdrawal_body
from tests.backend.api.world import World

GENESIS, OTHER = b"\x21" * 32, b"\x22" * 32
NODE = ChainHashes(GENESIS, HASH)
OTHER_GENESIS = "The node at RPC_URL serves another chain 1337 than that of DEPLOYMENT_FILE"
OTHER_MIRROR = "The database at DATABASE_URL mirrors another chain 1337 than the node at RPC_URL"
GENESIS_HASH = f"0x{GENESIS.hex()}"
DEPLOYMENT = Deployment(CHAIN_ID, SPORTSBOOK, SPORTSBOOK, first_block=0, genesis_hash=GENESIS_HASH)


@pytest.fixture
async def services(world: World, chain: FakeChain) -> AsyncIterator[Services]:
    """The API with a deployment file that names the genesis block."""
    settings = world.settings()
    file = settings.deployment_file
    file.write_text(
        json.dumps({**json.loads(file.read_text()), "genesis_hash": f"0x{GENESIS.hex()}"})
    )
    running = Services.from_settings(settings)
    chain.serve(running)
    chain.state = replace(chain.state, hashes=NODE)
    async with running.running():
        await until(lambda: running.odds_copy.heartbeat_received)
        yield running


def test_one_chain_is_one() -> None:
    assert other_chain(DEPLOYMENT, NODE, HASH) is None


@pytest.mark.parametrize(
    ("deployment", "node", "mirrored"),
    [
        (DEPLOYMENT, NO_HASHES, OTHER),
        (DEPLOYMENT, NODE, None),
        (replace(DEPLOYMENT, genesis_hash=None), ChainHashes(OTHER, HASH), HASH),
        (replace(DEPLOYMENT, genesis_hash=GENESIS_HASH.upper()), NODE, HASH),
    ],
)
def test_what_is_not_known_says_nothing(
    deployment: Deployment, node: ChainHashes, mirrored: bytes | None
) -> None:
    assert other_chain(deployment, node, mirrored) is None


async def test_api_of_one_chain_is_ready(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    assert (await api.get("/readyz")).status_code == 200
    assert (await api.post("/v1/slips", json=signed(bettor))).status_code == 201


@pytest.mark.parametrize(
    ("hashes", "words"),
    [
        (ChainHashes(OTHER, HASH), OTHER_GENESIS),
        (ChainHashes(GENESIS, OTHER), OTHER_MIRROR),
    ],
    ids=["node", "mirror"],
)
async def test_other_chain_is_refused_in_one_sentence(
    api: httpx.AsyncClient,
    services: Services,
    chain: FakeChain,
    bettor: Bettor,
    hashes: ChainHashes,
    words: str,
) -> None:
    chain.state = replace(chain.state, hashes=hashes)
    ready = await api.get("/readyz")
    is_problem(ready, 503, "not-ready")
    [sentence] = ready.json()["missing"]
    assert sentence.startswith(words)
    assert sentence.count(".") == 1
    for path, body in (
        ("/v1/slips", signed(bettor)),
        ("/v1/withdrawals", withdrawal_body(bettor)),
    ):
        answer = await api.post(path, json=body)
        is_problem(answer, 503, "not-ready")
        assert answer.json()["detail"] == sentence
    with capture_logs() as logged:
        watching = asyncio.create_task(watch(services, every_s=0.05))
        await until(lambda: logged)
        watching.cancel()
    assert logged[0]["event"] == "api.not_ready"
    assert logged[0]["missing"] == [sentence]


async def test_mirror_of_another_chain_is_found_by_its_first_block(
    api: httpx.AsyncClient, world: World
) -> None:
    world.execute("UPDATE mirror.block SET hash = %s WHERE number > 0", OTHER)
    assert (await api.get("/readyz")).status_code == 200
    world.execute("UPDATE mirror.block SET hash = %s WHERE number = 0", OTHER)
    assert OTHER_MIRROR in (await api.get("/readyz")).json()["detail"]
