"""Adds limits to uvicorn's HTTP protocol, and answers what it cannot read with a problem.

What llhttp refuses by itself (two lengths, a length beside chunks, lines that end in LF alone,
folded headers) is tested in tests/backend/surface/test_framing.py.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from backend.api.connection_limits import Connection, Connections
from backend.problems import (
    MEDIA_TYPE,
    HeadersTooLarge,
    HeadersTooSlow,
    Problem,
    RequestMalformed,
)

MAX_HEADERS = 100
MAX_HEADERS_BYTES = 32 * 1024
# What the kernel keeps of responses that nobody reads; by itself it takes 4 MiB per connection.
SEND_BUFFER_BYTES = 128 * 1024
# Requests that wait for the answer to an earlier one on the same connection.
MAX_PIPELINED = 16


class HttpProtocol(HttpToolsProtocol):
    """One connection. The lifespan's state has the Connections of the process."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._connections = cast(Connections, self.app_state["connections"])
        self._in_headers = True
        # What arrived of headers that are not complete, and what was parsed.
        self._headers_bytes = 0
        self._parsed_bytes = 0
        self._refusal: Problem | None = None
        self._refused = False
        super().connection_made(transport)
        if (own := transport.get_extra_info("socket")) is not None:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self._connection: Connection | None = self._connections.add(transport, self._late)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._connection is not None:
            self._connections.remove(self._connection)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused or self.transport.is_closing():
            return
        if self._in_headers:
            self._headers_bytes += len(data)
        self._unset_keepalive_if_required()
        self._feed(data)
        if self._in_headers and self._headers_bytes > MAX_HEADERS_BYTES and not self._refused:
            self._refuse(_too_large())

    def _feed(self, data: bytes) -> None:
        """As uvicorn's own, but for upgrades to what is not spoken here: they do not count, and
        the body is read. (Uvicorn's parser loses it.)"""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.send_400_response("")
        except httptools.HttpParserUpgrade as upgrade:
            if self._should_upgrade():
                self.handle_websocket_upgrade()
            else:
                self._read_again(data[upgrade.args[0] :])

    def _read_again(self, rest: bytes) -> None:
        """Parse the same headers without the upgrade, and what follows them."""
        lines = [self.parser.get_method(), b" ", self.url, b" HTTP/1.1\r\n"]
        for name, value in self.headers:
            if name not in (b"upgrade", b"connection"):
                lines += [name, b": ", value, b"\r\n"]
        if not self.parser.should_keep_alive():
            lines.append(b"connection: close\r\n")
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._in_headers = True
        self._feed(b"".join([*lines, b"\r\n", rest]))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._parsed_bytes = 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._parsed_bytes += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_headers:
            # A trailer; by then the headers count.
            return
        super().on_header(name, value)
        self._parsed_bytes += len(name) + len(value)
        if len(self.headers) > MAX_HEADERS or self._parsed_bytes > MAX_HEADERS_BYTES:
            self._refusal = _too_large()
            raise self._refusal

    def on_headers_complete(self) -> None:
        self._in_headers = False
        self._check_headers()
        if self._connection is not None:
            self._connections.works(self._connection)
        if not self._is_read_again():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        if self._is_read_again():
            return
        super().on_message_complete()
        self._in_headers = True
        self._headers_bytes = 0

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._connection is not None and (self.cycle is None or self.cycle.response_complete):
            self._connections.waits(self._connection)

    def _should_upgrade(self) -> bool:
        return self.parser.get_method() == b"GET" and super()._should_upgrade()

    def send_400_response(self, msg: str) -> None:
        self._refuse(self._refusal or RequestMalformed("The request cannot be read as HTTP/1.1."))

    def _is_read_again(self) -> bool:
        return bool(self.parser.should_upgrade()) and not self._should_upgrade()

    def _check_headers(self) -> None:
        """Raises what the client is answered."""
        codings = [value.lower() for name, value in self.headers if name == b"transfer-encoding"]
        version = self.parser.get_http_version()
        hosts = sum(name == b"host" for name, _ in self.headers)
        if self.parser.get_method() == b"CONNECT":
            self._refusal = RequestMalformed("This is no proxy.")
        elif hosts > 1 or (hosts == 0 and version == "1.1"):
            self._refusal = RequestMalformed("Send exactly one Host header.")
        elif codings and (codings != [b"chunked"] or version != "1.1"):
            self._refusal = RequestMalformed(
                "Only Transfer-Encoding: chunked is read, over HTTP/1.1."
            )
        elif len(self.pipeline) >= MAX_PIPELINED:
            self._refusal = RequestMalformed(
                "Too many pipelined requests; wait for an answer first."
            )
        if self._refusal is not None:
            raise self._refusal

    def _late(self) -> None:
        if self._headers_bytes:
            self._refuse(HeadersTooSlow("The headers of a request did not arrive in time."))
        else:
            self.transport.close()

    def _refuse(self, problem: Problem) -> None:
        """Answer, and read nothing more; but let the client read the answer before it hears that
        nobody reads what it still sends."""
        self._refused = True
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            if self.pipeline or self.cycle.response_started:
                # This answer would be taken for that to another request.
                self.transport.abort()
                return
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write(answer_bytes(problem, self.server_state.default_headers))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()
        if self._connection is not None:
            self._connections.closes(self._connection)


def _too_large() -> HeadersTooLarge:
    return HeadersTooLarge(
        f"A request may have at most {MAX_HEADERS} headers and {MAX_HEADERS_BYTES} bytes of them."
    )


def answer_bytes(problem: Problem, headers: list[tuple[bytes, bytes]]) -> bytes:
    """A problem as a whole response, after which the connection is closed."""
    body: Any = problem.response().body
    lines = [STATUS_LINE[problem.status]]
    for name, value in (
        *headers,
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"connection", b"close"),
    ):
        lines += [name, b": ", value, b"\r\n"]
    return b"".join([*lines, b"\r\n", body])
