"""Clients that are slow, silent, or read nothing give their connections back, and cost nothing.

Branches: headers byte by byte · no byte at all · an answered request and then silence · a body that
does not end · responses that nobody reads · a stream that nobody reads · pings without end, whose
answers nobody reads · meanwhile others are served · the server ends while they are there.
"""

from __future__ import annotations

import socket
import time
from pathlib import Path

import httpx

from backend.api import connection_limits
from backend.ops.middleware import BODY_TIMEOUT_S
from tests.backend.api.world import World
from tests.backend.surface import wire
from tests.backend.surface.process import ApiProcess, running_api

# What a busy machine may add to every time limit.
SLACK_S = 8.0
EACH = 10
SMALL_BUFFER = 4_096
UNREAD = 'fairline_connections_dropped_total{reason="unread"}'


def drip(wires: list[socket.socket]) -> None:
    """One more byte of headers on each that is open."""
    for one in wires:
        try:
            one.send(b"x")
        except OSError:
            continue


def wait_closed(
    groups: dict[str, list[socket.socket]], limit_s: float, dripping: str = ""
) -> dict[str, float]:
    """After how many seconds the last of each group was closed by the server."""
    began, closed = time.monotonic(), dict[str, float]()
    left = {name: list(wires) for name, wires in groups.items()}
    while left:
        passed = time.monotonic() - began
        assert passed < limit_s, f"still open after {passed:.0f} s: {sorted(left)}"
        drip(left.get(dripping, []))
        for name in [*left]:
            left[name] = [one for one in left[name] if not wire.is_closed(one)]
            if not left[name]:
                closed[name] = passed
                del left[name]
        time.sleep(0.5)
    return closed


def test_slow_and_silent_connections_are_closed_in_time(surface: ApiProcess) -> None:
    before = surface.sockets
    cpu_s = surface.cpu_s
    groups = {
        name: [wire.connect(surface.port) for _ in range(EACH)]
        for name in ("headers", "silent", "idle", "body")
    }
    for one in groups["headers"]:
        one.sendall(b"GET /healthz HTTP/1.1\r\nHost: api\r\nX-Slow: ")
    for one in groups["idle"]:
        one.sendall(b"GET /healthz HTTP/1.1\r\nHost: api\r\n\r\n")
        assert one.recv(12) == b"HTTP/1.1 200"
    for one in groups["body"]:
        one.sendall(wire.post("/v1/slips", b" " * 100)[:-50])
    assert httpx.get(f"{surface.url}/v1/fixtures", timeout=5).status_code == 200
    limit_s = (
        max(connection_limits.HEADERS_S, BODY_TIMEOUT_S) + connection_limits.CLOSING_S + SLACK_S
    )
    wait_closed(groups, limit_s, dripping="headers")
    for wires in groups.values():
        wire.close_all(wires)
    surface.wait_sockets(before + 2, SLACK_S)
    assert surface.cpu_s - cpu_s < 2


def test_late_client_is_told_why(surface: ApiProcess) -> None:
    with wire.connect(surface.port) as headers, wire.connect(surface.port) as body:
        headers.sendall(b"GET / HTTP/1.1\r\n")
        body.sendall(wire.post("/v1/slips", b" " * 100)[:-50])
        [first] = wire.answers(wire.read_until_closed(headers, 20))
        assert (first.status, first.code) == (408, "headers-too-slow")
        [second] = wire.answers(wire.read_until_closed(body, 20))
        assert (second.status, second.code) == (408, "body-too-slow")


def test_connections_that_nobody_reads_are_aborted(surface: ApiProcess) -> None:
    before, memory, unread = surface.sockets, surface.memory_bytes, surface.metric(UNREAD)
    one_page = b"GET /openapi.json HTTP/1.1\r\nHost: api\r\n\r\n"
    pages = [wire.connect(surface.port, receive_buffer=SMALL_BUFFER) for _ in range(EACH)]
    for one in pages:
        one.sendall(one_page * 15)
    streams = [wire.open_stream(surface.port, receive_buffer=SMALL_BUFFER)[0] for _ in range(EACH)]
    ping = wire.frame(9, bytes(125))
    for one in streams:
        one.settimeout(0.2)
        try:
            for _ in range(200):
                one.sendall(ping * 100)
        except OSError:
            # Its buffers are full, or it is closed already.
            continue
    assert surface.memory_bytes - memory < 40 * 2**20
    assert httpx.get(f"{surface.url}/v1/fixtures", timeout=5).status_code == 200
    deadline = time.monotonic() + connection_limits.UNREAD_S + SLACK_S
    while surface.metric(UNREAD) < unread + EACH:
        assert time.monotonic() < deadline, surface.metric(UNREAD) - unread
        time.sleep(0.5)
    surface.wait_sockets(before + 2, connection_limits.CLOSING_S + SLACK_S)
    wire.close_all([*pages, *streams])


def test_server_ends_although_clients_hang(surface_world: World, tmp_path: Path) -> None:
    with running_api(tmp_path, surface_world.environment()) as api:
        slow = [wire.connect(api.port) for _ in range(3)]
        slow[0].sendall(b"GET / HTTP/1.1\r\n")
        slow[1].sendall(wire.post("/v1/slips", b" " * 100)[:-50])
        stream, _ = wire.open_stream(api.port, receive_buffer=SMALL_BUFFER)
        began = time.monotonic()
        api.end()
        assert time.monotonic() - began < 20 + SLACK_S
        wire.close_all([*slow, stream])
