"""Builds the frames of a WebSocket."""

from __future__ import annotations

_SHORT, _TWO_BYTES = 126, 2**16


def text_frame(body: bytes) -> bytes:
    """A text message as one WebSocket frame of a server (RFC 6455, 5.2)."""
    length = len(body)
    if length < _SHORT:
        head = bytes((0x81, length))
    elif length < _TWO_BYTES:
        head = bytes((0x81, 126)) + length.to_bytes(2)
    else:
        head = bytes((0x81, 127)) + length.to_bytes(8)
    return head + body
