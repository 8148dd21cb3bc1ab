"""Forwards TCP connections to a node: python -m tests.indexer.tcp_proxy PORT URL."""

from __future__ import annotations

import socket
import sys
import threading
from urllib.parse import urlsplit


def _pump(source: socket.socket, sink: socket.socket) -> None:
    while data := source.recv(65_536):
        sink.sendall(data)
    sink.shutdown(socket.SHUT_WR)


def main() -> None:
    """Forward until the process is killed."""
    port, url = int(sys.argv[1]), urlsplit(sys.argv[2])
    listener = socket.create_server(("127.0.0.1", port))
    while True:
        client, _ = listener.accept()
        node = socket.create_connection((url.hostname, url.port))
        for pair in ((client, node), (node, client)):
            threading.Thread(target=_pump, args=pair, daemon=True).start()


if __name__ == "__main__":
    main()
