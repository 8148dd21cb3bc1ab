"""Starts processes of our services by forking a Python that has imported their libraries.

A service takes two seconds of processor time to import libraries, and the tests start some two
hundred. `Popen` and `run` take the arguments of those of `subprocess`; the command is that of a
Python: `-m MODULE`, `-c CODE` or a script. The process is a child of ours with its own environment,
folder, files and session, and it imports all code of this project itself. The demo and its tests
start the same services with nothing imported. Elsewhere than on Linux, so does this module.
"""

from __future__ import annotations

import atexit
import ctypes
import inspect
import json
import os
import socket
import subprocess
import sys
import threading
from functools import cache
from pathlib import Path
from typing import Any

from tests.support import warm_python_server

_PR_SET_CHILD_SUBREAPER = 36
_NAMES = [*inspect.signature(subprocess.Popen._execute_child).parameters][1:]  # type: ignore[attr-defined]
# What a fork cannot give to a program; nobody here asks for it.
_REFUSED = ("preexec_fn", "pass_fds", "shell", "executable", "gid", "gids", "uid")


class _Server:
    """The process that forks; it ends with us."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", warm_python_server.__file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
                process_group=0,
            )

    def fork(self, wanted: dict[str, Any], files: list[int]) -> int:
        """The number of a new process, which is our child."""
        message = json.dumps(wanted).encode()
        with self._lock:
            # Whoever forks it ends at once, and it becomes the child of the nearest subreaper.
            self._libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
            try:
                socket.send_fds(self._socket, [len(message).to_bytes(8, "big")], files)
                self._socket.sendall(message)
                answer = self._socket.recv(8, socket.MSG_WAITALL)
            finally:
                self._libc.prctl(_PR_SET_CHILD_SUBREAPER, 0)
        assert len(answer) == 8, "the server of warm Pythons has ended"
        return int.from_bytes(answer, "big")

    def close(self) -> None:
        """End it. It is waited for, so that its processor time counts as ours."""
        self._socket.close()
        self._process.wait()


@cache
def _server() -> _Server:
    server = _Server()
    atexit.register(server.close)
    return server


class Popen(subprocess.Popen[Any]):
    """`subprocess.Popen` of a Python that has its libraries."""

    def _execute_child(self, *arguments: Any) -> None:
        given = dict(zip(_NAMES, arguments, strict=True))
        if sys.platform != "linux":
            super()._execute_child(*arguments)  # type: ignore[misc]
            return
        assert not any(given[name] for name in _REFUSED), "not offered"
        python, *command = map(str, given["args"])
        assert python == sys.executable
        group = 0 if given["start_new_session"] else os.getpgrp()
        wanted = {
            "arguments": command,
            "environment": dict(os.environ if given["env"] is None else given["env"]),
            "folder": str(given["cwd"] or Path.cwd()),
            "group": group,
        }
        files = [
            number if given[name] == -1 else given[name]
            for number, name in enumerate(("p2cread", "c2pwrite", "errwrite"))
        ]
        self.pid = _server().fork(wanted, files)
        self._child_created = True
        ends = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
        self._close_pipe_fds(*(given[end] for end in ends))  # type: ignore[attr-defined]


def run(command: list[str], *, timeout: float, **options: Any) -> subprocess.CompletedProcess[str]:
    """`subprocess.run` with captured text, which raises nothing for an exit code."""
    pipe = subprocess.PIPE
    with Popen(
        command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, **options
    ) as process:
        try:
            output, errors = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, output, errors)
