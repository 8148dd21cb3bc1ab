"""What a client of the stream may send, and from where: little, whole, uncompressed, of our pages.

Branches: frames and messages too large, announced or sent · fragments · compression · too many
frames · frames that break the protocol · origins · handshakes that are none.
"""

from __future__ import annotations

import asyncio
import json
import struct
import zlib
from collections.abc import Iterator

import pytest
from websockets.asyncio.client import connect

from backend.api.origins import OriginRefused, check_origin
from backend.api.stream_protocol import MAX_FRAMES_PER_MINUTE, MAX_MESSAGE_BYTES
from tests.backend.api.world import World
from tests.backend.surface import wire
from tests.backend.surface.process import ApiProcess, running_api

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
COMPRESSED = 0x40


def announced(length: int) -> bytes:
    """The start of a frame that announces so many bytes."""
    return struct.pack("!BBQ", 0x80 | TEXT, 0x80 | 127, length) + bytes(4)


def deflated(size: int) -> bytes:
    compressor = zlib.compressobj(wbits=-12)
    return compressor.compress(bytes(size)) + compressor.flush(zlib.Z_SYNC_FLUSH)[:-4]


REFUSED: dict[str, tuple[bytes, int]] = {
    "message_too_large": (wire.frame(TEXT, b" " * (MAX_MESSAGE_BYTES + 1)), 1009),
    "announced_too_large": (announced(2**40), 1009),
    "announced_beyond_63_bits": (announced(2**64 - 1), 1009),
    "fragments_too_large": (
        wire.frame(TEXT, b" " * 3_000, final=False) + wire.frame(0, b" " * 3_000, final=False),
        1009,
    ),
    "fragments_without_end": (
        wire.frame(TEXT, b"", final=False)
        + wire.frame(0, b"", final=False) * (MAX_FRAMES_PER_MINUTE + 1),
        1008,
    ),
    "too_many_messages": (wire.frame(TEXT, b"a") * (MAX_FRAMES_PER_MINUTE + 1), 1008),
    "too_many_pings": (wire.frame(PING, b"") * (MAX_FRAMES_PER_MINUTE + 1), 1008),
    "too_many_pongs": (wire.frame(PONG, b"") * (MAX_FRAMES_PER_MINUTE + 1), 1008),
    "compressed": (wire.frame(TEXT, deflated(2**20), reserved=COMPRESSED), 1002),
    "reserved_bits": (wire.frame(TEXT, b"a", reserved=0x30), 1002),
    "reserved_opcode": (wire.frame(3, b""), 1002),
    "not_masked": (b"\x81\x01a", 1002),
    "long_ping": (wire.frame(PING, bytes(126)), 1002),
    "ping_in_fragments": (wire.frame(PING, b"", final=False), 1002),
    "continuation_of_nothing": (wire.frame(0, b""), 1002),
    "close_of_one_byte": (wire.frame(CLOSE, b"a"), 1002),
    "close_code_unknown": (wire.frame(CLOSE, struct.pack("!H", 999)), 1002),
}


@pytest.mark.parametrize("name", REFUSED)
def test_client_that_sends_what_it_may_not_is_refused(name: str, surface: ApiProcess) -> None:
    sent, code = REFUSED[name]
    stream, head = wire.open_stream(surface.port)
    assert b" 101 " in head
    with stream:
        stream.sendall(sent)
        assert wire.close_code(stream) == code


def test_flood_of_frames_costs_little(surface: ApiProcess) -> None:
    cpu_s, memory = surface.cpu_s, surface.memory_bytes
    for payload in (wire.frame(TEXT, b"a"), wire.frame(PING, bytes(125))):
        for _ in range(5):
            stream, _ = wire.open_stream(surface.port)
            with stream:
                try:
                    stream.sendall(payload * 50_000)
                except OSError:
                    # It was stopped before it had sent all.
                    continue
    assert surface.cpu_s - cpu_s < 2
    assert surface.memory_bytes - memory < 20 * 2**20


async def test_compression_is_not_agreed_on(surface: ApiProcess) -> None:
    async with connect(f"ws://127.0.0.1:{surface.port}/v1/stream", compression="deflate") as one:
        assert one.protocol.extensions == []
        assert json.loads(await asyncio.wait_for(one.recv(), 10))["type"] == "snapshot"
        await one.send("what a client says is ignored")
        await asyncio.wait_for(await one.ping(), 10)


PAGE = "https://app.example.org"


@pytest.fixture(scope="module")
def with_origins(
    surface_world: World, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ApiProcess]:
    """An API that a page of another origin may call."""
    folder = tmp_path_factory.mktemp("origins")
    with running_api(folder, surface_world.environment(), CORS_ORIGINS=PAGE) as api:
        yield api


def opens(api: ApiProcess, origin: str) -> bool:
    stream, head = wire.open_stream(api.port, b"Origin: " + origin.encode())
    with stream:
        if b" 101 " in head:
            return True
        [answer] = wire.answers(head + wire.read_until_closed(stream))
        assert (answer.status, answer.code) == (403, "origin-refused")
        return False


def test_page_of_another_site_cannot_open_the_stream(
    surface: ApiProcess, with_origins: ApiProcess
) -> None:
    # The host of wire's requests is "api".
    assert opens(surface, "http://api")
    assert opens(surface, "https://api")
    for origin in (PAGE, "null", "http://api.example.org", "http://example.org/api", "file://api"):
        assert not opens(surface, origin), origin
    assert opens(with_origins, PAGE)
    assert not opens(with_origins, "https://evil.example.org")


def test_origins_are_compared_as_a_whole() -> None:
    def may(origin: str | None, host: str | None = "a:80", url: str = "/", *allowed: str) -> bool:
        try:
            check_origin(origin, host, url, allowed)
        except OriginRefused:
            return False
        return True

    assert may(None)
    assert may("http://a:80")
    assert may("HTTP://A:80".lower())
    assert not may("http://a")
    assert not may("http://a:80@evil")
    assert not may("http://evil#a:80")
    assert not may("")
    assert may("https://api.example", "internal", "https://api.example/base")
    assert not may("https://other.example", "internal", "https://api.example")
    assert may("https://other.example", "internal", "/", "https://other.example")
    assert may("https://anything.example", None, "/", "*")


HANDSHAKES: dict[str, tuple[bytes, int]] = {
    "no_upgrade": (wire.get("/v1/stream"), 426),
    "no_key": (
        wire.get("/v1/stream").replace(
            b"Connection: close", b"Connection: Upgrade\r\nUpgrade: websocket"
        ),
        400,
    ),
    "old_version": (
        b"GET /v1/stream HTTP/1.1\r\n"
        + wire.HOST
        + wire.UPGRADE.replace(b"Version: 13", b"Version: 8")
        + b"\r\n",
        400,
    ),
    "post": (b"POST /v1/stream HTTP/1.1\r\n" + wire.HOST + wire.UPGRADE + b"\r\n", 405),
    "long_header": (
        b"GET /v1/stream HTTP/1.1\r\n"
        + wire.HOST
        + wire.UPGRADE
        + b"X: "
        + b"a" * 10_000
        + b"\r\n\r\n",
        400,
    ),
    "other_path": (b"GET /v1/other HTTP/1.1\r\n" + wire.HOST + wire.UPGRADE + b"\r\n", 403),
}


@pytest.mark.parametrize("name", HANDSHAKES)
def test_handshake_that_is_none_is_refused(name: str, surface: ApiProcess) -> None:
    request, status = HANDSHAKES[name]
    [answer] = wire.ask(surface.port, request)
    assert answer.status == status
