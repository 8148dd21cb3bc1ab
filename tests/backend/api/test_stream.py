"""Tests the live stream: of a real process, and a message sequence with slow readers. What each
reader gets is in test_broadcast.py."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from backend.api.stream_protocol import RECONNECT_WITHIN_MS
from backend.odds.redis_messages import Published
from backend.services import Services
from backend.stream.message_sequence import FRAMES_KEPT, MessageSequence
from tests.backend.api.bettors import ALPHA, GAMMA
from tests.backend.api.client import until
from tests.backend.api.world import World
from tests.support.nodes import ROOT, free_port

RESULT = f"0x{ALPHA.result.pack().hex()}"
TOTAL = f"0x{GAMMA.total.pack().hex()}"


@pytest.fixture
async def server(world: World) -> AsyncIterator[str]:
    """Host and port of an API in a process of its own."""
    async with _server(world) as (_, address):
        yield address


@asynccontextmanager
async def _server(world: World) -> AsyncIterator[tuple[Process, str]]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "backend.api", "--port", str(port)),
        cwd=ROOT,
        env=world.environment(),
    )
    try:
        async with httpx.AsyncClient() as client:

            async def ready() -> bool:
                assert process.returncode is None, "the API ended at start"
                try:
                    answer = await client.get(f"http://127.0.0.1:{port}/readyz")
                except httpx.TransportError:
                    return False
                # It has no chain node, which the stream does not need.
                missing = answer.json().get("missing", [])
                return len(missing) == 1 and "RPC_URL" in missing[0]

            await until(ready, 60)
        yield process, f"127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
        assert await asyncio.wait_for(process.wait(), 30) in (0, -15)


async def _next(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The next message of a kind; others are heartbeats."""
    while True:
        message: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 10))
        if message["type"] == kind:
            return message
        assert message["type"] == "heartbeat"


async def test_snapshot_then_changes_in_order(server: str, world: World) -> None:
    async with connect(f"ws://{server}/v1/stream") as one:
        snapshot = await _next(one, "snapshot")
        assert {row["market"] for row in snapshot["odds"]} >= {RESULT, TOTAL}
        world.offer(ALPHA.result, 21_000, 31_000, 40_000, version=2)
        first = await _next(one, "delta")
        assert first["seq"] == snapshot["seq"] + 1
        row = first["odds"][0]
        assert (row["market"], row["odds_e4"]) == (RESULT, [21_000, 31_000, 40_000])
        world.offer(GAMMA.total, version=3)
        second = await _next(one, "delta")
        assert (second["seq"], second["odds"][0]["odds_e4"]) == (first["seq"] + 1, [])
        heartbeat = await _next(one, "heartbeat")
        assert (heartbeat["seq"], heartbeat["odds_age_ms"]) == (second["seq"], 0)
        async with connect(f"ws://{server}/v1/stream") as two:
            later = await _next(two, "snapshot")
            assert later["seq"] == second["seq"]
            assert TOTAL not in {row["market"] for row in later["odds"]}
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"http://{server}/")).status_code == 200


async def test_fixtures_are_followed_alone_and_resumed(server: str, world: World) -> None:
    address = f"ws://{server}/v1/stream?fixture=0x{ALPHA.id.hex()}"
    async with connect(address) as one:
        snapshot = await _next(one, "snapshot")
        assert {row["market"][:34] for row in snapshot["odds"]} == {f"0x{ALPHA.id.hex()}"}
        world.offer(GAMMA.total, 30_000, 15_000, version=7)
        world.offer(ALPHA.result, 21_000, 31_000, 40_000, version=7)
        delta = await _next(one, "delta")
        assert [row["market"] for row in delta["odds"]] == [RESULT]
        resume = f"{snapshot['epoch']}.{snapshot['seq']}"
        async with connect(f"{address}&resume={resume}") as two:
            assert await _next(two, "delta") == delta
    async with connect(f"{address}&resume=00000000.1") as three:
        odds = (await _next(three, "snapshot"))["odds"]
        assert next(row["version"] for row in odds if row["market"] == RESULT) == 7


@pytest.mark.parametrize(
    "query", ["fixture=0x12", "resume=1", "&".join(["fixture=0x" + "1" * 32] * 65)]
)
async def test_what_cannot_be_followed_is_refused(server: str, query: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://{server}/v1/stream?{query}"):
            pass
    answer = refused.value.response
    assert (answer.status_code, json.loads(answer.body or b"")["code"]) == (422, "body-malformed")


async def test_events_carry_the_same_messages(server: str, world: World) -> None:
    url = f"http://{server}/v1/stream/events"
    async with httpx.AsyncClient(timeout=10) as client:
        async with client.stream("GET", url) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            events = _events(answer)
            name, kind, snapshot = await anext(events)
            assert (kind, snapshot["type"]) == ("snapshot", "snapshot")
            world.offer(ALPHA.result, 21_000, 31_000, 40_000, version=2)
            _, kind, delta = await anext(events)
            assert (kind, delta["seq"]) == ("delta", snapshot["seq"] + 1)
            # Nothing changes: it is said that all is well.
            assert (await anext(events))[1] == "heartbeat"
        async with client.stream("GET", url, headers={"Last-Event-ID": name}) as answer:
            assert (await anext(_events(answer)))[2] == delta
        refused = await client.get(url, headers={"Last-Event-ID": "nothing"})
        assert (refused.status_code, refused.json()["code"]) == (422, "body-malformed")


async def _events(answer: httpx.Response) -> AsyncIterator[tuple[str, str, dict[str, Any]]]:
    """The id, type and message of each event."""
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if not line:
            yield fields["id"], fields["event"], json.loads(fields["data"])
            fields = {}
        else:
            key, _, fields[key] = line.partition(": ")


async def test_readers_are_told_when_to_come_back(world: World) -> None:
    async with _server(world) as (process, address), connect(f"ws://{address}/v1/stream") as one:
        await _next(one, "snapshot")
        process.terminate()
        closing = await _next(one, "closing")
        assert 0 <= closing["reconnect_after_ms"] < RECONNECT_WITHIN_MS
        with pytest.raises(ConnectionClosed):
            await one.recv()
        assert one.close_code == 1012


async def test_emptied_redis_withdraws_the_odds(server: str, world: World) -> None:
    async with connect(f"ws://{server}/v1/stream") as socket:
        await _next(socket, "snapshot")
        world.redis.delete(f"odds:0x{ALPHA.id.hex()}")
        world.execute("SELECT 1")
        for client in world.redis.client_list(_type="pubsub"):
            world.redis.client_kill_filter(_id=client["id"])
        message = await _next(socket, "delta")
        assert {row["market"] for row in message["odds"]} >= {RESULT}
        assert {tuple(row["odds_e4"]) for row in message["odds"]} == {()}


def _published(odds_e4: int, version: int) -> Published:
    return Published((odds_e4,), version, version)


async def test_slow_reader_gets_the_newest_and_no_gap() -> None:
    sequence = MessageSequence(lambda: 0)
    sequence.change("a", _published(1, 1))
    sequence.tick()
    seq = sequence.snapshot().seq
    for version in range(2, 2 + FRAMES_KEPT):
        sequence.change("a", _published(version, version))
        sequence.change("b", _published(version, version))
        sequence.tick()
    # The slowest reader whose next frame is still kept gets the frames one by one.
    following = sequence.after(seq)
    assert following is not None
    assert (following.seq, json.loads(following.body)["type"]) == (seq + 1, "delta")
    sequence.change("a", _published(999, 999))
    sequence.tick()
    behind = sequence.after(seq)
    assert behind is not None
    message = json.loads(behind.body)
    assert (behind.seq, message["type"], message["seq"]) == (sequence.seq, "snapshot", sequence.seq)
    assert [row["odds_e4"] for row in message["odds"]] == [[999], [1 + FRAMES_KEPT]]
    assert sequence.after(sequence.seq) is None


@pytest.mark.parametrize(("markets", "kept"), [(5, FRAMES_KEPT), (100, 5), (2_000, 1)])
def test_topic_keeps_no_more_than_a_snapshot_of_what_all_moves(markets: int, kept: int) -> None:
    """With readers of a hundred selections of fixtures, memory would run out otherwise."""
    sequence = MessageSequence(lambda: 0)
    for version in range(100):
        for market in range(markets):
            sequence.change(f"0x{market:064x}", Published((10_000 + version,), version, version))
        sequence.tick()
    behind = [sequence.after(sequence.seq - number) for number in range(1, FRAMES_KEPT + 2)]
    kinds = [frame.kind for frame in behind if frame is not None]
    assert kinds == ["delta"] * kept + ["snapshot"] * (FRAMES_KEPT + 1 - kept)


async def test_replaced_odds_are_in_the_next_snapshot_without_a_tick() -> None:
    sequence = MessageSequence(lambda: 0)
    sequence.replace({"a": _published(1, 1)})
    assert [row["odds_e4"] for row in json.loads(sequence.snapshot().body)["odds"]] == [[1]]
    sequence.replace({})
    assert json.loads(sequence.snapshot().body)["odds"] == []


async def test_changes_of_one_tick_are_one_frame_with_the_newest() -> None:
    sequence = MessageSequence(lambda: 0)
    for version in range(1, 50):
        sequence.change("a", _published(version, version))
    sequence.tick()
    assert sequence.seq == 1
    frame = sequence.after(0)
    assert frame is not None
    assert [row["version"] for row in json.loads(frame.body)["odds"]] == [49]


async def test_odds_are_stale_until_the_feed_runs(world: World) -> None:
    services = Services.from_settings(world.settings())
    assert services.odds_copy.age_ms() > 5_000
    async with services.running():
        await until(lambda: services.odds_copy.age_ms() == 0)
        assert len(services.odds_copy.odds) == 4
