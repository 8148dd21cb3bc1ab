"""A node that lies, forgets and refuses: a proxy before a real one."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# Gets a request and the node's answer to it; gives the answer that is sent.
Fault = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]


class Broken(Exception):
    """The proxy answers with this status and these bytes instead of what the node says."""

    def __init__(self, status: int, body: bytes, cut: bool = False) -> None:
        super().__init__(status)
        self.status, self.body, self.cut = status, body, cut


class FaultyNode:
    """Forwards to `url` what `fault` lets through; counts what was asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.fault: Fault = lambda request, answer: answer
        self.asked: list[str] = []
        node = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    status, sent, cut = 200, node.answer(body), False
                except Broken as broken:
                    status, sent, cut = broken.status, broken.body, broken.cut
                self.send_response(status)
                self.send_header("Content-Length", str(len(sent) + 100 * cut))
                self.end_headers()
                self.wfile.write(sent)
                self.close_connection = cut

            def log_message(self, *_: Any) -> None:
                """Tests need no access log."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, body: bytes) -> bytes:
        requests = json.loads(body)
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
        return self.fault(request, answer)


@contextmanager
def faulty_node(url: str) -> Iterator[FaultyNode]:
    node = FaultyNode(url)
    thread = threading.Thread(target=node.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield node
    finally:
        node.server.shutdown()
        node.server.server_close()
        thread.join()
