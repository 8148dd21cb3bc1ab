"""Names the folders of the local network, and chooses its ports."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

from scripts.devnet.errors import DevnetError

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".devnet"
FREE_MIN_MIB = 512
FULL_MIB = 2


def need_disk(folder: Path) -> None:
    """Raises DevnetError when so little disk space is free that a server would fail later."""
    folder.mkdir(parents=True, exist_ok=True)
    free_mib = shutil.disk_usage(folder).free // 2**20
    if free_mib < FREE_MIN_MIB:
        raise DevnetError(
            f"Only {free_mib} MiB of disk space are free for {folder}: free at least "
            f"{FREE_MIN_MIB} MiB, then start again."
        )


def disk_is_full(folder: Path) -> bool:
    """Whether a program that writes there has failed for want of space."""
    try:
        return shutil.disk_usage(folder).free < FULL_MIB * 2**20
    except OSError:
        return False


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def choose_port(variable: str) -> int:
    """The port that the environment variable names, or any free one.

    Raises DevnetError when the value is not a port, or the port is taken.
    """
    asked = os.environ.get(variable, "").strip()
    if not asked:
        return free_port()
    if not asked.isdigit() or not 0 < int(asked) < 65536:
        raise DevnetError(f"{variable}={asked} is not a port: give a number from 1 to 65535.")
    if not is_free(int(asked)):
        raise DevnetError(
            f"Port {asked} ({variable}) is taken by another program: stop that program, give "
            f"another {variable}, or unset it to have a free port chosen."
        )
    return int(asked)


def preferred_port(*ports: int) -> int:
    """The first of these ports that is free, or any free one."""
    return next((port for port in ports if port and is_free(port)), 0) or free_port()
