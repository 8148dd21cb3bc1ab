"""A request that a proxy and the API could cut at different places is refused, and the connection
closed; nothing that follows it is taken for another request.

Branches: two lengths · a length beside chunks · codings that are not chunked · lines that end
otherwise · folded headers · chunks and their extensions · trailers · what an upgrade leaves
behind · hosts · versions and methods.
"""

from __future__ import annotations

import socket

import pytest

from tests.backend.surface import wire
from tests.backend.surface.process import ApiProcess

# If it is taken for a request of its own, it is answered with 200.
SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n"
POST = b"POST /v1/slips HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
UPGRADE_TO_HTTP_2 = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"

REFUSED: dict[str, bytes] = {
    "length_and_chunks": POST + b"Content-Length: 4\r\n" + CHUNKED + b"\r\n0\r\n\r\n" + SMUGGLED,
    "chunks_and_length": POST + CHUNKED + b"Content-Length: 4\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "two_lengths": POST + b"Content-Length: 0\r\nContent-Length: 40\r\n\r\n" + SMUGGLED,
    "two_equal_lengths": POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}" + SMUGGLED,
    "lengths_in_a_list": POST + b"Content-Length: 0, 40\r\n\r\n" + SMUGGLED,
    "length_with_a_sign": POST + b"Content-Length: +2\r\n\r\n{}" + SMUGGLED,
    "length_negative": POST + b"Content-Length: -1\r\n\r\n" + SMUGGLED,
    "length_in_hex": POST + b"Content-Length: 0x2\r\n\r\n{}" + SMUGGLED,
    "length_above_64_bits": POST + b"Content-Length: 18446744073709551618\r\n\r\n{}" + SMUGGLED,
    "length_empty": POST + b"Content-Length: \r\n\r\n" + SMUGGLED,
    "coding_unknown": POST + b"Transfer-Encoding: cow\r\n\r\n" + SMUGGLED,
    "coding_like_chunked": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "coding_after_chunked": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "coding_before_chunked": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunked_twice": POST + CHUNKED + CHUNKED + b"\r\n0\r\n\r\n" + SMUGGLED,
    "coding_with_a_tab": POST
    + b"Transfer-Encoding:\tchunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "chunks_in_version_1_0": (
        b"POST /v1/slips HTTP/1.0\r\nHost: api\r\n" + CHUNKED + b"\r\n0\r\n\r\n" + SMUGGLED
    ),
    "space_before_the_colon": POST + b"Content-Length : 40\r\n\r\n" + SMUGGLED,
    "folded_header": POST + b"X-Folded: a\r\n Content-Length: 40\r\n\r\n" + SMUGGLED,
    "folded_coding": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "line_feeds_alone": b"GET /healthz HTTP/1.1\nHost: api\n\n",
    "line_feed_within": b"GET / HTTP/1.1\r\nHost: api\r\nX: a\nContent-Length: 40\r\n\r\n"
    + SMUGGLED,
    "carriage_return_within": b"GET / HTTP/1.1\r\nHost: api\r\nX: a\rY: b\r\n\r\n",
    "nul_in_a_header": b"GET / HTTP/1.1\r\nHost: api\r\nX: a\x00b\r\n\r\n",
    "nul_in_the_target": b"GET /\x00 HTTP/1.1\r\nHost: api\r\n\r\n",
    "header_without_a_colon": b"GET / HTTP/1.1\r\nHost: api\r\nNothing\r\n\r\n",
    "header_without_a_name": b"GET / HTTP/1.1\r\nHost: api\r\n: nothing\r\n\r\n",
    "chunk_size_of_nothing": POST + CHUNKED + b"\r\n\r\n" + SMUGGLED,
    "chunk_size_with_a_sign": POST + CHUNKED + b"\r\n+2\r\n{}\r\n0\r\n\r\n" + SMUGGLED,
    "chunk_size_with_0x": POST + CHUNKED + b"\r\n0x2\r\n{}\r\n0\r\n\r\n" + SMUGGLED,
    "chunk_size_above_64_bits": POST + CHUNKED + b"\r\n10000000000000002\r\n{}\r\n0\r\n\r\n",
    "chunk_ends_in_a_line_feed": POST + CHUNKED + b"\r\n2\n{}\r\n0\r\n\r\n" + SMUGGLED,
    "chunk_longer_than_it_says": POST + CHUNKED + b"\r\n2\r\n{}xx\r\n0\r\n\r\n" + SMUGGLED,
    "extension_with_a_line_feed": POST + CHUNKED + b"\r\n2;a\nb\r\n{}\r\n0\r\n\r\n" + SMUGGLED,
    "extension_with_a_return": POST + CHUNKED + b"\r\n2;a\rb\r\n{}\r\n0\r\n\r\n" + SMUGGLED,
    "no_host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two_hosts": b"GET /healthz HTTP/1.1\r\nHost: api\r\nHost: other\r\n\r\n",
    "version_unknown": b"GET /healthz HTTP/3.7\r\nHost: api\r\n\r\n",
    "method_unknown": b"SHOUT /healthz HTTP/1.1\r\nHost: api\r\n\r\n",
    "method_connect": b"CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n\r\n" + SMUGGLED,
    "http_2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "tls": b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + bytes(32),
    "not_ascii_in_the_target": b"GET /\xff HTTP/1.1\r\nHost: api\r\n\r\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_request_of_two_meanings_is_refused(name: str, surface: ApiProcess) -> None:
    found = wire.ask(surface.port, REFUSED[name])
    assert [(answer.status, answer.code) for answer in found] == [(400, "request-malformed")]
    assert found[0].headers["connection"] == "close"


# What is read as it should be: the statuses of all answers.
READ: dict[str, tuple[bytes, list[int]]] = {
    "chunks": (POST + CHUNKED + b"\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n" + SMUGGLED, [422, 200]),
    "extension": (POST + CHUNKED + b'\r\n2;a=b;c="d"\r\n{}\r\n0\r\n\r\n' + SMUGGLED, [422, 200]),
    "upgrade_to_nothing_we_speak": (
        b"GET /healthz HTTP/1.1\r\nHost: api\r\nConnection: Upgrade, HTTP2-Settings\r\n"
        b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n" + SMUGGLED,
        [200, 200],
    ),
    "body_of_an_upgrade": (
        POST + UPGRADE_TO_HTTP_2 + b"Content-Length: 2\r\n\r\n{}" + SMUGGLED,
        [422, 200],
    ),
    "chunks_of_an_upgrade": (
        POST + UPGRADE_TO_HTTP_2 + CHUNKED + b"\r\n2\r\n{}\r\n0\r\n\r\n" + SMUGGLED,
        [422, 200],
    ),
    "last_request_of_an_upgrade": (
        b"GET /healthz HTTP/1.1\r\nHost: api\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n"
        + SMUGGLED,
        [200],
    ),
    "host_in_the_target": (
        b"GET http://other/healthz HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n",
        [200],
    ),
    "version_0_9": (b"GET /healthz\r\n\r\n", [200]),
    "version_1_0_without_a_host": (b"GET /healthz HTTP/1.0\r\n\r\n", [200]),
    "pipelined": (SMUGGLED.replace(b"close", b"x") * 10 + SMUGGLED, [200] * 11),
    "after_the_last_request": (wire.get("/healthz") + SMUGGLED, [200]),
}


@pytest.mark.parametrize("name", READ)
def test_request_of_one_meaning_is_read(name: str, surface: ApiProcess) -> None:
    request, statuses = READ[name]
    assert [answer.status for answer in wire.ask(surface.port, request)] == statuses


def test_refused_requests_leave_nothing_in_the_log(surface: ApiProcess) -> None:
    before = surface.log
    for request in REFUSED.values():
        wire.ask(surface.port, request)
    for text in (b"\xff\xfe", b" " * 5_000):
        stream, _ = wire.open_stream(surface.port)
        with stream:
            stream.sendall(wire.frame(1, text) + wire.frame(3, b""))
            assert wire.close_code(stream) in (1002, 1009)
    assert surface.log == before


def test_trailers_are_no_headers(surface: ApiProcess) -> None:
    head = b"POST /v1/slips HTTP/1.1\r\nHost: api\r\nConnection: close\r\n" + CHUNKED
    trailer = b"2\r\n{}\r\n0\r\nContent-Type: application/json\r\n\r\n"
    [answer] = wire.ask(surface.port, head + b"\r\n" + trailer)
    assert (answer.status, answer.code) == (415, "media-type-unsupported")


def test_endless_chunk_extension_ends_with_the_body_timeout(surface: ApiProcess) -> None:
    with wire.connect(surface.port) as one:
        one.sendall(POST + CHUNKED + b"\r\n2;" + b"a" * 100_000)
        memory = surface.memory_bytes
        one.settimeout(0.2)
        sent = 0
        try:
            for _ in range(200):
                sent += one.send(b"a" * 65_536)
        except OSError:
            # Nobody reads it any more, or the connection was reset.
            pass
        assert surface.memory_bytes - memory < 10 * 2**20
        one.settimeout(wire.PATIENCE_S)
        read = wire.read_until_closed(one, 20)
    assert b" 408 " in read[:16] or read == b"", read
    assert isinstance(one, socket.socket)
