"""Signals that there may be a new block: by a subscription per endpoint, and by polling.

It only signals when to look. What is on the chain is read separately, so a lost or false message
costs nothing but time.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import orjson
import structlog
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from indexer.chain.rpc import endpoint_name

log = structlog.get_logger(__name__)

POLL_S = 0.25
# With a subscription, polling only makes up for lost messages.
POLL_SUBSCRIBED_S = 1.0
_RETRY_S = 5.0
_SUBSCRIBE = orjson.dumps(
    {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}
).decode()


class _NotSubscribed(ValueError):
    """The endpoint refused the subscription."""


class NewHeads:
    """Waits for new blocks at several endpoints (http or https addresses)."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = [url.replace("http", "ws", 1) for url in urls]
        self._signal = threading.Event()
        self._stopping = threading.Event()
        self._subscribed: set[int] = set()

    def start(self) -> None:
        """Subscribe, in daemon threads."""
        for number, url in enumerate(self._urls):
            name = f"new heads {number}"
            threading.Thread(
                target=self._follow, args=(number, url), name=name, daemon=True
            ).start()

    def stop(self) -> None:
        """End the subscriptions, and a `wait` in progress."""
        self._stopping.set()
        self._signal.set()

    def notify(self) -> None:
        """End a `wait` in progress, for something other than a block."""
        self._signal.set()

    def wait(self) -> bool:
        """Wait until there may be a new block; returns whether there was a signal, False when it is
        time to poll."""
        signalled = self._signal.wait(POLL_SUBSCRIBED_S if self._subscribed else POLL_S)
        self._signal.clear()
        return signalled

    def _follow(self, number: int, url: str) -> None:
        """Subscribe again after every failure; the first one in a row is logged."""
        logged = False
        while not self._stopping.is_set():
            reason = "closed"
            try:
                self._listen(number, url)
            except (OSError, WebSocketException, ValueError) as error:
                reason = type(error).__name__.strip("_")
            finally:
                if number in self._subscribed:
                    self._subscribed.discard(number)
                    logged = False
            if not logged and not self._stopping.is_set():
                log.info("endpoint.not_subscribed", endpoint=endpoint_name(url), reason=reason)
                logged = True
            self._stopping.wait(_RETRY_S)

    def _listen(self, number: int, url: str) -> None:
        with connect(url, open_timeout=5, close_timeout=1, compression=None) as socket:
            socket.send(_SUBSCRIBE)
            if "error" in orjson.loads(socket.recv(timeout=5)):
                raise _NotSubscribed
            self._subscribed.add(number)
            self._signal.set()
            for _ in socket:
                self._signal.set()
                if self._stopping.is_set():
                    return
