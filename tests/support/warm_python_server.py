"""Forks Pythons that have imported the libraries of our services; see warm_python.py.

It must import nothing of this project: that is what is tested.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Any

LIBRARIES = (
    "alembic.command",
    "celery.apps.beat",
    "celery.apps.worker",
    "celery.bin.celery",
    "coincurve",
    "eth_abi",
    "eth_account",
    "fastapi.openapi.utils",
    "httpx",
    "kombu.transport.redis",
    "numpy",
    "orjson",
    "prometheus_client",
    "psycopg_pool",
    "pydantic_settings",
    "redis.asyncio",
    "scipy.optimize",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlmodel",
    "structlog",
    "typer",
    "uvicorn",
    "web3",
    "websockets",
)


def receive(requests: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """What to start and with which files, None at the end."""
    length, files, _, _ = socket.recv_fds(requests, 8, 3)
    if not length:
        return None
    message = requests.recv(int.from_bytes(length, "big"), socket.MSG_WAITALL)
    return json.loads(message), files


def fork(requests: socket.socket, wanted: dict[str, Any], files: list[int]) -> bool:
    """Whether this is the new process, when its parent is the one that asked for it."""
    number, middle_ends = os.pipe()
    adopted, parent_ends = os.pipe()
    middle = os.fork()
    if middle == 0:
        child = os.fork()
        if child == 0:
            os.close(parent_ends)
            os.read(adopted, 1)
            take(wanted, files)
            return True
        os.write(middle_ends, child.to_bytes(8, "big"))
        os._exit(0)
    # The child has its new parent when the one between has ended; both ends of pipes go with it.
    os.waitpid(middle, 0)
    requests.sendall(os.read(number, 8))
    for end in (number, middle_ends, adopted, parent_ends):
        os.close(end)
    for file in files:
        os.close(file)
    return False


def take(wanted: dict[str, Any], files: Sequence[int]) -> None:
    """Take the files, the group, the folder and the environment that are wanted."""
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    if wanted["group"]:
        os.setpgid(0, wanted["group"])
    else:
        os.setsid()
    os.chdir(wanted["folder"])
    os.environ.clear()
    os.environ.update(wanted["environment"])


def execute(arguments: Sequence[str]) -> None:
    """What `python ARGUMENTS` does."""
    kind, *rest = arguments
    listed = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [path for path in listed if path]
    if kind == "-m":
        sys.path.insert(0, os.getcwd())
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        sys.path.insert(0, "")
        sys.argv = ["-c", *rest[1:]]
        exec(rest[0], sys.modules["__main__"].__dict__)
    else:
        sys.path.insert(0, os.path.dirname(kind))
        sys.argv = [kind, *rest]
        runpy.run_path(kind, run_name="__main__")


def serve(requests: socket.socket) -> dict[str, Any] | None:
    """Returns in each new process, with what is wanted of it; in this one at the end, None."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while (received := receive(requests)) is not None:
        wanted, files = received
        if fork(requests, wanted, files):
            signal.signal(signal.SIGINT, signal.default_int_handler)
            return wanted
    return None


def main() -> None:
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.freeze()
    with contextlib.closing(socket.socket(fileno=int(sys.argv[1]))) as requests:
        wanted = serve(requests)
        if wanted is not None:
            requests.detach()
    if wanted is not None:
        execute(wanted["arguments"])


if __name__ == "__main__":
    main()
