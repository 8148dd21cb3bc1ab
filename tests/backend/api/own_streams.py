"""Opens private streams of bettors, and makes what they hear of."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from eth_utils.crypto import keccak
from websockets.asyncio.client import ClientConnection, connect

from backend.account_events.models import StreamAccount, StreamAccountChange
from tests.backend.api.bettors import NOW_S, UNIT, Bettor, slip_of
from tests.backend.api.signing_in import message_text, nonce, post_signed
from tests.backend.api.world import World

KINDS = {"account": StreamAccount, "account-change": StreamAccountChange}
PUBLIC = ("snapshot", "delta", "heartbeat")


async def enter(server: str, bettor: Bettor) -> dict[str, str]:
    """The header of a session at a real process, which is a page's of the machine itself."""
    origin = f"http://{server}"
    async with httpx.AsyncClient(base_url=origin) as api:
        text = message_text(bettor.address, await nonce(api, origin))
        answer = await post_signed(api, text, bettor.key, origin=origin, transport="bearer")
        assert answer.status_code == 201, answer.text
        return {"Authorization": f"Bearer {answer.json()['token']}"}


async def ticket(server: str, headers: dict[str, str]) -> str:
    async with httpx.AsyncClient(base_url=f"http://{server}") as api:
        answer = await api.post("/v1/stream/tickets", headers=headers)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["ticket"])


@asynccontextmanager
async def private(server: str, bettor: Bettor) -> AsyncIterator[ClientConnection]:
    """A private stream of a bettor."""
    made = await ticket(server, await enter(server, bettor))
    async with connect(f"ws://{server}/v1/stream?ticket={made}") as socket:
        yield socket


async def heard(socket: ClientConnection) -> dict[str, Any]:
    """The next private message, which has exactly the members of the document."""
    while True:
        message: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 20))
        if message["type"] not in PUBLIC:
            read = KINDS[message["type"]].model_validate_json(json.dumps(message))
            assert read.model_dump(mode="json") == message
            return message


async def accept(server: str, world: World, bettor: Bettor, number: int) -> str:
    """A slip as acceptance writes it; the server has no chain to accept one by itself."""
    slip = slip_of(bettor, nonce=number)
    made = str(uuid.uuid4())
    with world.connection.transaction():
        world.insert(
            "backend.slip",
            **{"id": made, "account": bettor.account, "nonce": number, "idempotency_key": made},
            **{"stake_micro": slip.stake_micro, "min_odds_e4": 1, "deadline_s": NOW_S + 60},
            **{"struct_hash": keccak(text=made), "signature": b"", "accepted_at_s": NOW_S},
            **{"receipt_signature": b"", "payout_max_micro": 10 * UNIT, "legs": 1},
        )
        market = slip.legs[0].market.pack()
        world.insert("backend.slip_leg", slip=made, leg=0, market=market, outcome=0, odds_e4=20_000)
        world.execute("SELECT pg_notify('slips', '')")
    return made


def block(world: World) -> None:
    """What the indexer does after a block."""
    world.execute("SELECT pg_notify('mirror', '{}')")
