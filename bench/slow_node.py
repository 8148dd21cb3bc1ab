"""Proxies a node like a slow connection.

Every request takes at least 50 ms, and all answers together are limited to 20 MB/s.
"""

from __future__ import annotations

import http.client
import threading
import time
from argparse import ArgumentParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

LATENCY_S = 0.05
BYTES_PER_S = 20_000_000
_CHUNK_BYTES = 200_000


class Bandwidth:
    """A limit that all connections share; a chunk is due when all chunks before it were sent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free_at = 0.0

    def take(self, size: int) -> None:
        """Wait until `size` bytes may have been sent."""
        with self._lock:
            self._free_at = max(self._free_at, time.monotonic()) + size / BYTES_PER_S
            due = self._free_at
        time.sleep(max(0.0, due - time.monotonic()))


def serve(port: int, url: str) -> None:
    """Forward until the process is killed."""
    node, bandwidth, local = urlsplit(url), Bandwidth(), threading.local()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self) -> None:
            started = time.monotonic()
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if not hasattr(local, "node"):
                local.node = http.client.HTTPConnection(str(node.hostname), node.port)
            local.node.request("POST", "/", body, {"Content-Type": "application/json"})
            answer = local.node.getresponse()
            content = answer.read()
            time.sleep(max(0.0, LATENCY_S - (time.monotonic() - started)))
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            for at in range(0, len(content), _CHUNK_BYTES):
                chunk = content[at : at + _CHUNK_BYTES]
                bandwidth.take(len(chunk))
                self.wfile.write(chunk)
            self.wfile.flush()

        def log_message(self, *_: object) -> None:
            """Requests are not logged."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    parser = ArgumentParser("python -m bench.slow_node", description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("url", help="of the node")
    asked = parser.parse_args()
    serve(asked.port, asked.url)
