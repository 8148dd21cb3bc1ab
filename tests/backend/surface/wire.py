"""Speaks to the API in bytes, as no well-behaved client would."""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

PATIENCE_S = 15.0
HOST = b"Host: api\r\n"
UPGRADE = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: " + base64.b64encode(bytes(16)) + b"\r\n"
)


@dataclass(frozen=True)
class Answer:
    """One response, as it was read."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a problem."""
        assert self.headers["content-type"] == "application/problem+json", self
        assert self.json["status"] == self.status, self
        return str(self.json["code"])


def connect(port: int, source: str = "127.0.0.1", receive_buffer: int = 0) -> socket.socket:
    """A connection from one of this machine's own addresses."""
    made = socket.socket()
    if receive_buffer:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    made.settimeout(PATIENCE_S)
    made.bind((source, 0))
    made.connect(("127.0.0.1", port))
    return made


def read_until_closed(wire: socket.socket, within_s: float = PATIENCE_S) -> bytes:
    """All bytes until the server closes. Raises TimeoutError when it does not."""
    deadline, read = time.monotonic() + within_s, b""
    while True:
        wire.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            some = wire.recv(65_536)
        except ConnectionResetError:
            return read
        if not some:
            return read
        read += some


def answers(read: bytes) -> list[Answer]:
    """The responses in what was read; each has a length."""
    found = []
    while read:
        head, separator, rest = read.partition(b"\r\n\r\n")
        assert separator, read
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.split(": ", 1) for line in lines)
        headers = {name.lower(): value for name, value in pairs}
        length = int(headers.get("content-length", 0))
        found.append(Answer(int(first.split()[1]), headers, rest[:length]))
        read = rest[length:]
    return found


def ask(port: int, request: bytes, source: str = "127.0.0.1") -> list[Answer]:
    """What a connection answers to some bytes until the server closes it."""
    with connect(port, source) as wire:
        wire.sendall(request)
        return answers(read_until_closed(wire))


def get(path: str, *headers: bytes, method: str = "GET") -> bytes:
    """A request without a body, after which the server is to close."""
    lines = b"".join(header + b"\r\n" for header in headers)
    return (
        f"{method} {path} HTTP/1.1\r\n".encode() + HOST + b"Connection: close\r\n" + lines + b"\r\n"
    )


def post(path: str, body: bytes, *headers: bytes) -> bytes:
    """A request with a body, by default of JSON."""
    lines = headers or (b"Content-Type: application/json",)
    return (
        f"POST {path} HTTP/1.1\r\nContent-Length: {len(body)}\r\n".encode()
        + b"Connection: close\r\n"
        + HOST
        + b"".join(line + b"\r\n" for line in lines)
        + b"\r\n"
        + body
    )


def frame(opcode: int, payload: bytes, final: bool = True, reserved: int = 0) -> bytes:
    """A WebSocket frame as clients send it: masked."""
    first = (0x80 if final else 0) | reserved | opcode
    if len(payload) < 126:
        head = struct.pack("!BB", first, 0x80 | len(payload))
    elif len(payload) < 2**16:
        head = struct.pack("!BBH", first, 0x80 | 126, len(payload))
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, len(payload))
    return head + bytes(4) + payload


def open_stream(
    port: int, *headers: bytes, source: str = "127.0.0.1", receive_buffer: int = 0
) -> tuple[socket.socket, bytes]:
    """A connection that asked for the stream, and the head of the answer."""
    wire = connect(port, source, receive_buffer)
    lines = b"".join(header + b"\r\n" for header in headers)
    wire.sendall(b"GET /v1/stream HTTP/1.1\r\n" + HOST + UPGRADE + lines + b"\r\n")
    head = b""
    while b"\r\n\r\n" not in head:
        some = wire.recv(1)
        assert some, head
        head += some
    return wire, head


def close_code(wire: socket.socket) -> int:
    """The code with which the server closes a stream; 0 when it ends it without one. Must be at
    the start of a frame."""
    rest = read_until_closed(wire)
    while len(rest) >= 2:
        length, start = rest[1] & 0x7F, 2
        if length >= 126:
            size = 2 if length == 126 else 8
            length, start = int.from_bytes(rest[2 : 2 + size], "big"), 2 + size
        if rest[0] & 0x0F == 8:
            return int.from_bytes(rest[start : start + 2], "big")
        rest = rest[start + length :]
    return 0


def is_closed(wire: socket.socket) -> bool:
    """Whether the server has closed a connection or reset it; what it has sent is read."""
    wire.setblocking(False)
    try:
        while some := wire.recv(65_536):
            assert some
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    return True


def close_all(wires: Iterable[socket.socket]) -> None:
    for wire in wires:
        wire.close()


def random_key() -> str:
    """A text that nobody else uses."""
    return os.urandom(8).hex()
