"""What the kernel alone takes to send a message to each of many readers: one loop of plain sends,
which `bench.stream` compares the stream's process with."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection

from bench.stream_readers import listen

ROUNDS, PAUSE_S = 60, 0.1
MESSAGE = b"\x81\x7e\x00\xc0" + b"x" * 192
"""As long as a message with one change."""


def hear(port: int, readers: int, answer: Connection) -> None:
    """Connects readers and reads until all was sent; for a process of its own."""
    streams = [socket.create_connection(("127.0.0.1", port)) for _ in range(readers)]
    answer.send("connected")
    listen(streams, ROUNDS * PAUSE_S * 2)


def send_all(streams: Sequence[socket.socket]) -> float:
    """Processor time in microseconds per send."""
    began = time.process_time()
    for _ in range(ROUNDS):
        for one in streams:
            one.send(MESSAGE)
        time.sleep(PAUSE_S)
    return 1e6 * (time.process_time() - began) / (ROUNDS * len(streams))


def cpu_us_per_send(readers: int) -> float:
    """Processor time in microseconds per send, to so many readers in another process."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    with socket.create_server(("127.0.0.1", 0), backlog=4_096) as server:
        hearing = context.Process(target=hear, args=(server.getsockname()[1], readers, theirs))
        hearing.daemon = True
        hearing.start()
        streams = [server.accept()[0] for _ in range(readers)]
        try:
            ours.recv()
            return send_all(streams)
        finally:
            hearing.terminate()
            hearing.join()
            for one in streams:
                one.close()
