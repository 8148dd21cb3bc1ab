"""Runs `make devnet`'s program for tests, in folders and on ports of its own."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from scripts.devnet import rpc
from scripts.devnet.paths import ROOT, free_port
from scripts.devnet.record import DevnetRecord

READY = "Ctrl-C stops everything"
LIMIT_S = 120.0
_OTHERS = (
    "DATABASE_URL",
    "REDIS_URL",
    "RPC_URL",
    "CHAIN",
    "START",
    "RESET",
    "SERVICES",
    "DEVNET_FOLDER",
)


@dataclass
class RunningDevnet:
    """A devnet and what it printed since its start, and at its first start. `start` may be called
    again after it ended."""

    state: Path
    kind: str
    ports: dict[str, str] = field(default_factory=dict)
    printed: list[str] = field(default_factory=list)
    first: list[str] = field(default_factory=list)
    _process: subprocess.Popen[str] | None = None

    def __post_init__(self) -> None:
        self.ports = {name: str(free_port()) for name in ("RPC_PORT", "REDIS_PORT", "API_PORT")}

    @property
    def environment(self) -> dict[str, str]:
        """What the devnet and its commands are started with."""
        own = {"STATE_FOLDER": str(self.state), "DEPLOYMENT_FILE": str(self.deployment_file)}
        kept = {name: value for name, value in os.environ.items() if name not in _OTHERS}
        return {**kept, **self.ports, **own}

    @property
    def deployment_file(self) -> Path:
        return self.state / "deployment" / "1337.json"

    @property
    def record(self) -> DevnetRecord:
        found = DevnetRecord.read(self.state)
        assert found is not None
        return found

    def start(self, **environment: str) -> list[str]:
        """Starts it and waits until it is ready; returns the lines that it printed."""
        of_pytest = any(folder.name.startswith("pytest-of-") for folder in self.state.parents)
        assert not of_pytest, "PostgreSQL loses a folder of pytest's own: use `open_folder`"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "scripts.devnet"],
            cwd=ROOT,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, args=(self._process, lines), daemon=True).start()
        self.printed = []
        until = time.monotonic() + LIMIT_S
        while not any(READY in line for line in self.printed):
            line = lines.get(timeout=max(0.0, until - time.monotonic()))
            assert line is not None, f"it ended: {self.printed}"
            self.printed.append(line)
        self.first = self.first or list(self.printed)
        return list(self.printed)

    def _read(self, process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line.rstrip())
            # After the start, nobody takes them from the queue.
            if any(READY in printed for printed in self.printed):
                self.printed.append(line.rstrip())
        lines.put(None)

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """Ends it; returns the exit code."""
        assert self._process is not None
        self._process.send_signal(how)
        return self._process.wait(30)

    @property
    def since_ready(self) -> str:
        """What it has said since it was ready, such as which server ended, and how."""
        ready = next(n for n, line in enumerate(self.printed) if READY in line)
        return "\n".join(self.printed[ready + 1 :])

    def tokens_of(self, address: str) -> int:
        """What an address has of the devnet's token, in its smallest unit."""
        token = json.loads(self.deployment_file.read_text())["contracts"]["Token"]
        call = {"to": token, "data": "0x70a08231" + address[2:].lower().zfill(64)}
        return int(rpc.call(self.record.rpc_url, "eth_call", call, "latest"), 16)

    def sourced(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs a script of Bash with these arguments, in a shell without any setting but those of
        the devnet's file."""
        file, shell = str(self.state / "devnet.env"), f'source "$1"; shift; {script}'
        return subprocess.run(
            ["bash", "-c", shell, "bash", file, *arguments],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/")},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    def command(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs `python -m scripts.devnet ARGUMENTS`."""
        return self.program("scripts.devnet", *arguments, **environment)

    def program(
        self, module: str, *arguments: str, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
