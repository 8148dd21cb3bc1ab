"""Sends JSON-RPC requests to one endpoint over persistent connections.

It does not retry at another endpoint, and shows no URL, which may contain a key.
"""

from __future__ import annotations

import base64
import http.client
import threading
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import orjson

from indexer.errors import (
    EndpointFailed,
    Malformed,
    Refused,
    Throttled,
    TimedOut,
    Unreachable,
    WrongChain,
)

Call = tuple[str, list[Any]]

# How long a node may be silent, and how long an answer may take in total: one that arrives byte by
# byte is never silent.
_TIMEOUT_S, _MAX_ANSWER_S = 20.0, 60.0
_CHUNK_BYTES = 1 << 18
_TOO_MANY_REQUESTS = 429
# Error messages that mean HTTP status 429, in an answer of status 200.
_THROTTLE_MESSAGES = ("rate limit", "rate-limit", "too many requests", "per second", "throughput")


class Endpoint:
    """A node of one chain. Safe to share between threads: each has its own connection, and on every
    new connection the node is first asked whether it serves `chain_id`, and `genesis_hash` (0x and
    64 hex digits) as its first block where that is given: local chains share their ids."""

    def __init__(
        self,
        url: str,
        chain_id: int,
        timeout_s: float = _TIMEOUT_S,
        max_answer_s: float = _MAX_ANSWER_S,
        genesis_hash: str | None = None,
    ) -> None:
        parts = urlsplit(url)
        self.name = endpoint_name(url)
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname or "", parts.port
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers = {"Content-Type": "application/json"}
        if parts.username:
            login = f"{parts.username}:{parts.password or ''}".encode()
            self._headers["Authorization"] = "Basic " + base64.b64encode(login).decode()
        self._chain_id = chain_id
        self._genesis_hash = genesis_hash
        self._timeout_s, self._max_answer_s = timeout_s, max_answer_s
        self._local = threading.local()

    def call(self, method: str, *params: Any) -> Any:
        """The result of a call. Raises EndpointFailed."""
        return self.batch([(method, list(params))])[0]

    def connect(self) -> None:
        """Open a connection if there is none, and check the chain id. Raises EndpointFailed."""
        if self._connection is None:
            self.batch([])

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """The results of several calls in one request, in order. Raises EndpointFailed when one of
        them fails."""
        connection = self._connection
        if connection is not None:
            try:
                return self._ask(connection, calls)
            except TimeoutError:
                self.close()
                raise self._timed_out() from None
            except (OSError, http.client.HTTPException):
                # The node may have closed an idle connection, which is no failure.
                self.close()
        try:
            connection = self._open()
            return self._ask(connection, calls) if calls else []
        except TimeoutError:
            self.close()
            raise self._timed_out() from None
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unreachable(f"{self.name} does not answer ({type(error).__name__})") from error

    def close(self) -> None:
        """Close this thread's connection; the next call opens a new one."""
        connection = self._connection
        if connection is not None:
            self._local.connection = None
            connection.close()

    def _timed_out(self) -> TimedOut:
        return TimedOut(f"{self.name} did not answer in time")

    @property
    def _connection(self) -> http.client.HTTPConnection | None:
        return getattr(self._local, "connection", None)

    def _open(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self._timeout_s)
        try:
            answer = self._ask(connection, [("eth_chainId", [])])[0]
            if _parse_int(answer) != self._chain_id:
                raise WrongChain(
                    f"{self.name} serves chain {_shortened(answer)}, not CHAIN_ID {self._chain_id}"
                )
            self._check_genesis(connection)
        except BaseException:
            connection.close()
            raise
        self._local.connection = connection
        return connection

    def _check_genesis(self, connection: http.client.HTTPConnection) -> None:
        if self._genesis_hash is None:
            return
        block = self._ask(connection, [("eth_getBlockByNumber", ["0x0", False])])[0]
        found = block.get("hash") if isinstance(block, dict) else None
        # Some providers do not keep the first block; what they answer says nothing.
        if found is not None and str(found).lower() != self._genesis_hash.lower():
            raise WrongChain(
                f"{self.name} serves another chain than that of DEPLOYMENT_FILE: its genesis hash"
                f" is {_shortened(found)[:18]}…, the file's is {self._genesis_hash[:18]}…"
            )

    def _ask(self, connection: http.client.HTTPConnection, calls: Sequence[Call]) -> list[Any]:
        requests = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in enumerate(calls)
        ]
        body = orjson.dumps(requests if len(requests) > 1 else requests[0])
        connection.request("POST", self._path, body, self._headers)
        until = time.monotonic() + self._max_answer_s
        response = connection.getresponse()
        content = self._content(response, until)
        if response.status == _TOO_MANY_REQUESTS:
            wait = response.getheader("Retry-After") or ""
            raise Throttled(
                f"{self.name} limits the request rate (HTTP 429)",
                float(wait) if wait.isdecimal() else 0.0,
            )
        if response.status >= 300:
            raise Refused(f"{self.name} answered with HTTP status {response.status}")
        try:
            answers = orjson.loads(content)
        except orjson.JSONDecodeError as error:
            raise Malformed(f"{self.name} answered with something that is not JSON") from error
        return self._results(answers, calls)

    def _content(self, response: http.client.HTTPResponse, until: float) -> bytes:
        """The body. Raises TimeoutError, and HTTPException when it is truncated."""
        chunks: list[bytes] = []
        left = response.length
        while left != 0:
            if left is None:
                chunk = response.read1(_CHUNK_BYTES)
            else:
                chunk = response.fp.read1(min(left, _CHUNK_BYTES))
                left -= len(chunk)
            if not chunk:
                break
            chunks.append(chunk)
            if time.monotonic() > until:
                raise TimeoutError
        response.close()
        if left:
            raise http.client.IncompleteRead(b"", left)
        return b"".join(chunks)

    def _results(self, answers: Any, calls: Sequence[Call]) -> list[Any]:
        if isinstance(answers, dict):
            if "error" in answers or len(calls) > 1:
                raise self._error(answers, calls[0][0])
            answers = [answers]
        if not isinstance(answers, list) or not all(isinstance(a, dict) for a in answers):
            raise Malformed(f"{self.name} answered with something that is not JSON-RPC")
        by_number = {a["id"]: a for a in answers if isinstance(a.get("id"), int)}
        results: list[Any] = []
        for number, (method, _) in enumerate(calls):
            answer = by_number.get(number)
            if answer is None or "result" not in answer:
                raise self._error(answer or {}, method)
            results.append(answer["result"])
        return results

    def _error(self, answer: dict[str, Any], method: str) -> EndpointFailed:
        error = answer.get("error")
        if not isinstance(error, dict):
            return Malformed(f"{self.name} did not answer {method}")
        message = str(error.get("message"))[:200]
        lowered = message.lower()
        if error.get("code") == _TOO_MANY_REQUESTS or any(
            words in lowered for words in _THROTTLE_MESSAGES
        ):
            return Throttled(f"{self.name} limits the request rate: {message}")
        return Refused(f"{self.name} refused {method}: {message}")


def endpoint_name(url: str) -> str:
    """Host and port, which is all of an endpoint's address that may be shown."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def to_hex(value: bytes) -> str:
    """Bytes as JSON-RPC writes them."""
    return "0x" + value.hex()


def _parse_int(answer: Any) -> int | None:
    try:
        return int(answer, 16)
    except (TypeError, ValueError):
        return None


def _shortened(answer: Any) -> str:
    return str(answer)[:40]
