"""Follows the live odds, and resumes where a lost connection stopped."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import connect

from fairline_client.messages import Message

# The server sends something every 2 s.
SILENCE_S = 8.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 10.0


class OddsStream:
    """The odds of some fixtures (their ids), or of all. `odds` are the newest by market id, and
    `age_ms` says how old they may be."""

    def __init__(self, api_url: str, fixtures: Sequence[str] = ()) -> None:
        self._url = f"{api_url.rstrip('/').replace('http', 'ws', 1)}/v1/stream"
        self._fixtures = [("fixture", fixture) for fixture in fixtures]
        self._epoch, self._seq = "", 0
        self._wait_s: float | None = None
        self.odds: dict[str, list[int]] = {}
        self.age_ms = 0

    def messages(self) -> Iterator[Message]:
        """Snapshots, deltas and heartbeats as they come, without a gap and without end. When the
        connection is lost, it is opened again; a heartbeat that does not come counts as lost."""
        attempt = 0
        while True:
            try:
                with connect(self._address(), open_timeout=SILENCE_S) as socket:
                    while True:
                        message = json.loads(socket.recv(timeout=SILENCE_S))
                        if not self._take(message):
                            break
                        attempt = 0
                        yield message
            except (ConnectionClosed, InvalidHandshake, OSError, TimeoutError, ValueError):
                pass
            time.sleep(self._wait_s if self._wait_s is not None else _wait_s(attempt))
            self._wait_s = None
            attempt += 1

    def _address(self) -> str:
        resume = [("resume", f"{self._epoch}.{self._seq}")] if self._epoch else []
        query = urlencode([*self._fixtures, *resume])
        return f"{self._url}?{query}" if query else self._url

    def _take(self, message: dict[str, Any]) -> bool:
        """False when the connection must be opened again."""
        kind = message["type"]
        if kind == "closing":
            self._wait_s = message["reconnect_after_ms"] / 1_000
            return False
        follows = (self._epoch, self._seq + (kind == "delta")) == (message["epoch"], message["seq"])
        if kind != "snapshot" and not follows:
            self._epoch = ""
            return False
        self._epoch, self._seq = message["epoch"], message["seq"]
        self.age_ms = message["odds_age_ms"]
        if kind == "snapshot":
            self.odds = {}
        for row in message.get("odds", ()):
            self.odds[row["market"]] = row["odds_e4"]
            if not row["odds_e4"]:
                del self.odds[row["market"]]
        return True


def _wait_s(attempt: int) -> float:
    """Doubling, with jitter, so that clients do not all come back at the same moment."""
    longest: float = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2**attempt)
    return longest * (0.5 + random.random() / 2)  # noqa: S311 - no secret
