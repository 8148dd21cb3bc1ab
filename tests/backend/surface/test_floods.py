"""Floods of headers, requests and connections are bounded, and others are served meanwhile.

Branches: headers too many, too long, without end · requests that wait for earlier ones ·
connections up to the limit of open files, silent and as streams · streams per address · too few
descriptors to start with.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from backend.api.http_protocol import MAX_HEADERS, MAX_HEADERS_BYTES
from backend.chain_view import NODE_CONNECTIONS
from backend.stream_services import OTHER_FILES, REDIS_CONNECTIONS
from tests.backend.api.world import World
from tests.backend.surface import wire
from tests.backend.surface.process import ApiProcess, api_command, running_api
from tests.support import warm_python
from tests.support.nodes import ROOT

CONNECTIONS = 60
DESCRIPTORS = 10 + REDIS_CONNECTIONS + NODE_CONNECTIONS + OTHER_FILES + CONNECTIONS
FLOOD = 400


def is_refused(surface: ApiProcess, request: bytes) -> bool:
    [answer] = wire.ask(surface.port, request)
    return (answer.status, answer.code) == (431, "headers-too-large")


def test_too_many_or_too_long_headers_are_refused(surface: ApiProcess) -> None:
    # Host and Connection are headers, too.
    names = [f"X-{number}: {number}".encode() for number in range(MAX_HEADERS - 1)]
    [most] = wire.ask(surface.port, wire.get("/healthz", *names[:-1]))
    assert most.status == 200
    assert is_refused(surface, wire.get("/healthz", *names))
    assert is_refused(surface, wire.get("/healthz", *(names * 50)))
    long = b"a" * MAX_HEADERS_BYTES
    [longest] = wire.ask(surface.port, wire.get("/healthz", b"X: " + long[:-200]))
    assert longest.status == 200
    assert is_refused(surface, wire.get("/healthz", b"X: " + long))
    assert is_refused(surface, wire.get("/healthz", b"X-" + long + b": 1"))
    assert is_refused(surface, wire.get("/healthz?" + long.decode()))


@pytest.mark.parametrize(
    "start", [b"GET /", b"GET / HTTP/1.1\r\nX-", b"GET / HTTP/1.1\r\nX: "], ids=repr
)
def test_endless_headers_take_no_memory(start: bytes, surface: ApiProcess) -> None:
    memory = surface.memory_bytes
    with wire.connect(surface.port) as one:
        one.sendall(start)
        sent = 0
        try:
            # Nobody reads what comes after the limit.
            one.settimeout(2)
            while sent < 20 * 2**20:
                sent += one.send(b"a" * 65_536)
        except OSError:
            pass
        read = wire.read_until_closed(one)
    # The answer may be lost where the connection is reset.
    assert read[:12] in (b"HTTP/1.1 431", b"")
    assert surface.memory_bytes - memory < 5 * 2**20


def test_pipelined_requests_are_bounded(surface: ApiProcess) -> None:
    memory = surface.memory_bytes
    request = b"GET /healthz HTTP/1.1\r\nHost: api\r\n\r\n"
    for _ in range(5):
        with wire.connect(surface.port) as one:
            one.sendall(request * 5_000)
            read = wire.read_until_closed(one)
        assert read.count(b"HTTP/1.1") < 5_000
    assert surface.memory_bytes - memory < 10 * 2**20


@pytest.fixture(scope="module")
def narrow(surface_world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiProcess]:
    """An API that may have few files open."""
    folder = tmp_path_factory.mktemp("narrow")
    with running_api(
        folder, surface_world.environment(), DESCRIPTORS, MAX_STREAMS_PER_ADDRESS="1000"
    ) as api:
        yield api


def test_server_serves_during_a_flood_of_silent_connections(narrow: ApiProcess) -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft > FLOOD + 200, "the test needs descriptors of its own"
    stream, head = wire.open_stream(narrow.port)
    assert b" 101 " in head
    flood = [wire.connect(narrow.port) for _ in range(FLOOD)]
    assert httpx.get(f"{narrow.url}/v1/fixtures", timeout=5).status_code == 200
    cpu_s, began = narrow.cpu_s, time.monotonic()
    time.sleep(2)
    # No loop over what cannot be accepted.
    assert narrow.cpu_s - cpu_s < 0.5 * (time.monotonic() - began)
    assert narrow.metric("fairline_connections") <= CONNECTIONS
    assert narrow.metric('fairline_connections_dropped_total{reason="replaced"}') > FLOOD / 2
    assert not wire.is_closed(stream)
    wire.close_all([*flood, stream])
    assert httpx.get(f"{narrow.url}/v1/fixtures", timeout=5).status_code == 200
    assert "Too many open files" not in narrow.log


def test_streams_leave_connections_for_requests(narrow: ApiProcess) -> None:
    opened = [wire.open_stream(narrow.port) for _ in range(CONNECTIONS)]
    taken = sum(b" 101 " in head for _, head in opened)
    assert CONNECTIONS // 2 < taken <= CONNECTIONS * 3 // 4
    assert all(b" 429 " in head for _, head in opened if b" 101 " not in head)
    assert httpx.get(f"{narrow.url}/v1/fixtures", timeout=5).status_code == 200
    wire.close_all(one for one, _ in opened)


def test_requests_at_once_do_not_take_all_descriptors(narrow: ApiProcess) -> None:
    wires = [wire.connect(narrow.port) for _ in range(CONNECTIONS - 5)]
    for one in wires:
        one.sendall(wire.get("/v1/accounts/7/bets"))
    found = [wire.answers(wire.read_until_closed(one)) for one in wires]
    assert sum(bool(answers) for answers in found) > CONNECTIONS / 2
    assert {answer.status for answers in found for answer in answers} <= {200, 503}
    wire.close_all(wires)
    assert "Too many open files" not in narrow.log


def test_process_with_too_few_descriptors_does_not_start(surface_world: World) -> None:
    done = warm_python.run(
        api_command("--port", "0", descriptors=200),
        cwd=ROOT,
        env=surface_world.environment(),
        timeout=60,
    )
    assert done.returncode == 2
    [line] = [line for line in done.stderr.splitlines() if line.startswith("api: ")]
    assert "ulimit -n" in line


def test_streams_of_one_address_are_bounded(surface_world: World, tmp_path: Path) -> None:
    environment = surface_world.environment()
    with running_api(tmp_path, environment, MAX_STREAMS_PER_ADDRESS="2") as api:
        own = [wire.open_stream(api.port) for _ in range(3)]
        assert [b" 101 " in head for _, head in own] == [True, True, False]
        [refused] = wire.answers(own[2][1] + wire.read_until_closed(own[2][0]))
        assert (refused.status, refused.code) == (429, "too-many-streams")
        other, head = wire.open_stream(api.port, source="127.0.0.2")
        assert b" 101 " in head
        own[0][0].close()
        deadline = time.monotonic() + 10
        while b" 101 " not in wire.open_stream(api.port)[1]:
            assert time.monotonic() < deadline
        wire.close_all([*(one for one, _ in own), other])
