"""Reads what the node prints, so that a test that the node leaves hanging can show its last lines.

Brownie starts the node with a pipe that nobody reads: once it is full, the node would stand still.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from typing import IO, Any

_LINES = 30


class NodeOutput:
    """The last lines that the process of a node has printed."""

    def __init__(self, process: Any) -> None:
        self._lines: deque[str] = deque(maxlen=_LINES)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                # A file of its own: Brownie could not close one that a thread is reading.
                own = os.fdopen(os.dup(stream.fileno()), "rb")
                threading.Thread(target=self._read, args=(own,), daemon=True).start()

    def last_lines(self) -> str:
        return "\n".join(self._lines) or "the node has printed nothing"

    def _read(self, stream: IO[bytes]) -> None:
        for line in stream:
            self._lines.append(line.decode(errors="replace").rstrip())
