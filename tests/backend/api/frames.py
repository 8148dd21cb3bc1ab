"""Reads the WebSocket frames that a server sends, by RFC 6455 alone."""

from __future__ import annotations

import json
from typing import Any


def messages_in(data: bytes) -> list[dict[str, Any]]:
    """The messages of whole, unmasked text frames."""
    found = []
    while data:
        assert data[0] == 0x81, "one final frame of text"
        assert not data[1] & 0x80, "a server masks nothing"
        length, start = data[1], 2
        if length == 126:
            length, start = int.from_bytes(data[2:4]), 4
            assert length >= 126, "the shortest form counts"
        elif length == 127:
            length, start = int.from_bytes(data[2:10]), 10
            assert length >= 2**16, "the shortest form counts"
        assert len(data) >= start + length, "the frame is whole"
        found.append(json.loads(data[start : start + length]))
        data = data[start + length :]
    return found
