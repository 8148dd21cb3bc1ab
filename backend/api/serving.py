"""Serves an app by uvicorn, with our protocols.

Uvicorn by itself gives a client as long as it likes for the headers of a request, takes headers of
any size, and keeps a connection whose client reads nothing. The two protocols named here do not.
"""

from __future__ import annotations

import errno
import logging
import sys

import uvicorn

from backend.api.stream_protocol import MAX_MESSAGE_BYTES

# Options on the command line come after these, and count instead.
OPTIONS = (
    *("--http", "backend.api.http_protocol:HttpProtocol"),
    *("--ws", "backend.api.stream_protocol:StreamProtocol"),
    *("--ws-max-size", str(MAX_MESSAGE_BYTES)),
    # Every frame is encoded once for all readers; compression would be per reader, and inflates
    # what they send.
    *("--ws-per-message-deflate", "false"),
    # TRUSTED_PROXIES says whose X-Forwarded-For counts.
    "--no-proxy-headers",
    "--no-server-header",
    *("--timeout-graceful-shutdown", "20"),
    *("--log-level", "warning"),
)


def serve(name: str, factory: str) -> None:
    """Serve what `factory` (module:function) makes, with the options of the command line, as
    `python -m backend.NAME`."""

    def in_words(record: logging.LogRecord) -> bool:
        """Say what an address that is taken means, where uvicorn logs the bare error; a filter."""
        error = record.msg
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            record.msg = (
                f"{name}: cannot listen: {error.strerror}. Stop the program that has the port, or"
                " give another --port."
            )
        return True

    logging.getLogger("uvicorn.error").addFilter(in_words)
    options = ["--factory", factory, *OPTIONS, *sys.argv[1:]]
    uvicorn.main(options, prog_name=f"python -m backend.{name}")
