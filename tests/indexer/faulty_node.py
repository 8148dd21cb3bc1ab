"""A proxy in front of a node that changes, delays or refuses its answers."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# The message with which a request is refused before the node sees it; None forwards it.
Refusal = Callable[[dict[str, Any]], str | None]
# Maps a request and the node's answer to the answer that is sent.
Fault = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]


@dataclass
class Broken(Exception):
    """Raised by a fault to answer with this status and these bytes. `cut`: the connection closes in
    the middle of the answer; `silent`: before it. `hang_s`: delay of the answer; `drip_s`: delay
    between two bytes, for at most ten seconds."""

    status: int = 200
    body: bytes = b""
    cut: bool = False
    silent: bool = False
    hang_s: float = 0.0
    drip_s: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)


class FaultyNode:
    """Forwards to `url` and applies `fault` to the answers; records the requests. A single request
    that `refuse` has a message for is not forwarded."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.fault: Fault = lambda request, answer: answer
        self.refuse: Refusal = lambda request: None
        self.asked: list[str] = []
        self.requests: list[dict[str, Any]] = []
        node = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    how = Broken(body=node.answer(body))
                except Broken as broken:
                    how = broken
                time.sleep(how.hang_s)
                self.close_connection = how.cut or how.silent
                if how.silent:
                    return
                self.send_response(how.status)
                for name, value in how.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(how.body) + 100 * how.cut))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self._send(how)

            def _send(self, how: Broken) -> None:
                if not how.drip_s:
                    self.wfile.write(how.body)
                    return
                until = time.monotonic() + 10
                for byte in how.body:
                    if time.monotonic() > until:
                        self.close_connection = True
                        return
                    self.wfile.write(bytes((byte,)))
                    time.sleep(how.drip_s)

            def log_message(self, *_: Any) -> None:
                """Requests are not logged."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, body: bytes) -> bytes:
        requests = json.loads(body)
        if isinstance(requests, dict) and (message := self.refuse(requests)) is not None:
            error = {"code": -32000, "message": message}
            return json.dumps({"jsonrpc": "2.0", "id": requests["id"], "error": error}).encode()
        forwarded = urllib.request.Request(
            self.url, body, {"Content-Type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(forwarded, timeout=20) as response:
            answers = json.load(response)
        if isinstance(requests, dict):
            return json.dumps(self._change(requests, answers)).encode()
        by_id = {answer["id"]: answer for answer in answers}
        return json.dumps([self._change(r, by_id[r["id"]]) for r in requests]).encode()

    def _change(self, request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(request["method"])
        self.requests.append(request)
        return self.fault(request, answer)


@contextmanager
def faulty_node(url: str) -> Iterator[FaultyNode]:
    """A proxy in front of the node at `url`."""
    node = FaultyNode(url)
    thread = threading.Thread(target=node.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield node
    finally:
        node.server.shutdown()
        node.server.server_close()
        thread.join()
