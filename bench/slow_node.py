"""A way to a node as over a long line: python -m bench.slow_node PORT URL.

Every request waits 50 ms, and all answers together come at 20 MB a second.
"""

from __future__ import annotations

import http.client
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

LATENCY_S = 0.05
BYTES_PER_S = 20_000_000
_PIECE = 200_000


class Line:
    """What all connections share; a piece is due when everything before it was sent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free_at = 0.0

    def take(self, size: int) -> None:
        """Wait until `size` bytes are through."""
        with self._lock:
            self._free_at = max(self._free_at, time.monotonic()) + size / BYTES_PER_S
            due = self._free_at
        time.sleep(max(0.0, due - time.monotonic()))


def serve(port: int, url: str) -> None:
    """Forward until the process is ended."""
    node, line, kept = urlsplit(url), Line(), threading.local()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self) -> None:
            started = time.monotonic()
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if not hasattr(kept, "node"):
                kept.node = http.client.HTTPConnection(str(node.hostname), node.port)
            kept.node.request("POST", "/", body, {"Content-Type": "application/json"})
            answer = kept.node.getresponse()
            content = answer.read()
            time.sleep(max(0.0, LATENCY_S - (time.monotonic() - started)))
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            for at in range(0, len(content), _PIECE):
                piece = content[at : at + _PIECE]
                line.take(len(piece))
                self.wfile.write(piece)
            self.wfile.flush()

        def log_message(self, *_: object) -> None:
            """No line for each request."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2])
