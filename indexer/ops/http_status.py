"""Serves metrics and health over HTTP on 127.0.0.1.

`/metrics` is for Prometheus. `/healthz` is for supervisors: 200 while the process is healthy, 503
otherwise, with the figures as JSON.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from indexer.errors import IndexerError
from indexer.ops.metrics import Metrics

_TIMEOUT_S = 5.0


def serve(metrics: Metrics, port: int) -> ThreadingHTTPServer:
    """Serve in a daemon thread. Raises IndexerError when the port cannot be used."""

    class Handler(BaseHTTPRequestHandler):
        timeout = _TIMEOUT_S

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/metrics":
                self._send(200, "text/plain; version=0.0.4; charset=utf-8", metrics.exposition())
            elif path == "/healthz":
                health = metrics.health()
                body = json.dumps({"ok": health.ok, **health.figures}).encode()
                self._send(200 if health.ok else 503, "application/json", body)
            else:
                self._send(404, "text/plain", b"/metrics, /healthz\n")

        def _send(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Requests are not logged."""

    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as error:
        raise IndexerError(
            f"INDEXER_METRICS_PORT {port} cannot be used ({error.strerror}): choose another"
        ) from None
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
