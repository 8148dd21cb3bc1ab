"""Owns knowing early that there is a new block: a subscription per endpoint, polling behind it.

It only says when to look; what is there is read anew, so that a lost or false message costs
nothing but time.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import orjson
import structlog
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

log = structlog.get_logger(__name__)

POLL_S = 0.25
# With a subscription, polling only makes up for messages that were lost.
POLL_SUBSCRIBED_S = 1.0
_RETRY_S = 5.0
_SUBSCRIBE = orjson.dumps(
    {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}
).decode()


class NewBlocks:
    """Waits for news of blocks from several endpoints (http or https addresses)."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = [url.replace("http", "ws", 1) for url in urls]
        self._news = threading.Event()
        self._ending = threading.Event()
        self._subscribed: set[int] = set()

    def start(self) -> None:
        """Subscribe, in threads of its own that end with the process."""
        for number, url in enumerate(self._urls):
            name = f"new blocks {number}"
            threading.Thread(
                target=self._follow, args=(number, url), name=name, daemon=True
            ).start()

    def stop(self) -> None:
        """Wake whoever waits, for the last time."""
        self._ending.set()
        self._news.set()

    def wake(self) -> None:
        """Something else than a block is to be looked at."""
        self._news.set()

    def wait(self) -> bool:
        """Return when there may be a new block; whether somebody said so, or it is time to look."""
        told = self._news.wait(POLL_SUBSCRIBED_S if self._subscribed else POLL_S)
        self._news.clear()
        return told

    def _follow(self, number: int, url: str) -> None:
        while not self._ending.is_set():
            try:
                self._listen(number, url)
            except (OSError, WebSocketException, ValueError):
                pass
            finally:
                self._subscribed.discard(number)
            self._ending.wait(_RETRY_S)

    def _listen(self, number: int, url: str) -> None:
        with connect(url, open_timeout=5, close_timeout=1, compression=None) as socket:
            socket.send(_SUBSCRIBE)
            if "error" in orjson.loads(socket.recv(timeout=5)):
                return
            self._subscribed.add(number)
            self._news.set()
            for _ in socket:
                self._news.set()
                if self._ending.is_set():
                    return
