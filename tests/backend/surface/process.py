"""Runs the API as it runs in production, and reads what it costs."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.support import warm_python
from tests.support.nodes import ROOT, free_port

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


# Starts the API with as many open files as the first argument says.
_LIMITED = """
import resource, runpy, sys
limit = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
runpy.run_module("backend.api", run_name="__main__", alter_sys=True)
"""


def api_command(*options: str, descriptors: int = 0, module: str = "backend.api") -> list[str]:
    """`python -m backend.api`, where that is asked for with a limit of open files; or another
    module without one."""
    start = ["-c", _LIMITED, str(descriptors)] if descriptors else ["-m", module]
    return [sys.executable, *start, *options]


class ApiProcess:
    """`python -m backend.api`, or another module, with an environment; its log is a file in
    `folder`."""

    def __init__(
        self,
        folder: Path,
        environment: dict[str, str],
        descriptors: int = 0,
        module: str = "backend.api",
        port: int | None = None,
    ) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_file = folder / f"api-{self.port}.log"
        with self.log_file.open("ab") as log:
            self.process = warm_python.Popen(
                api_command("--port", str(self.port), descriptors=descriptors, module=module),
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
            )

    @property
    def log(self) -> str:
        """What it has logged."""
        return self.log_file.read_text()

    @property
    def cpu_s(self) -> float:
        """The processor time that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    @property
    def memory_bytes(self) -> int:
        """Its resident memory."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    @property
    def sockets(self) -> int:
        """How many sockets it has open."""
        count = 0
        for descriptor in Path(f"/proc/{self.process.pid}/fd").iterdir():
            try:
                count += os.readlink(descriptor).startswith("socket:")
            except FileNotFoundError:
                continue
        return count

    def wait_sockets(self, most: int, limit_s: float) -> None:
        """Wait until it has at most so many sockets open."""
        deadline = time.monotonic() + limit_s
        while (count := self.sockets) > most:
            assert time.monotonic() < deadline, f"{count} sockets are open, not {most}"
            time.sleep(0.2)

    def wait_ready(self) -> None:
        """Wait until it serves; it needs no chain node for that."""
        deadline = time.monotonic() + 30
        while True:
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            try:
                answer = httpx.get(f"{self.url}/readyz", timeout=5).json()
                if all("RPC_URL" in reason for reason in answer.get("missing", [])):
                    return
            except httpx.TransportError:
                time.sleep(0.02)

    def metric(self, line: str) -> float:
        """A value of /metrics; 0 when it is not there."""
        text = httpx.get(f"{self.url}/metrics", timeout=5).text
        values = [row.rpartition(" ")[2] for row in text.splitlines() if row.startswith(line + " ")]
        return float(values[0]) if values else 0.0

    def end(self) -> None:
        """End it as an operator would; it must not wait for its clients."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=30) in (0, -signal.SIGTERM), self.log


@contextmanager
def running_api(
    folder: Path,
    environment: dict[str, str],
    descriptors: int = 0,
    module: str = "backend.api",
    port: int | None = None,
    **changes: str,
) -> Iterator[ApiProcess]:
    """An API, or another process of its kind, that is ready, until the end of the block."""
    api = ApiProcess(folder, {**environment, **changes}, descriptors, module, port)
    try:
        api.wait_ready()
        yield api
    finally:
        if api.process.poll() is None:
            api.end()
