"""Reads from /proc which processes run, which of them started which, and what they name."""

from __future__ import annotations

import contextlib
from pathlib import Path

_PROC = Path("/proc")


def descendants(pid: int) -> list[int]:
    """The processes that a process has started, and that these have started, and so on."""
    children: dict[int, list[int]] = {}
    for child, parent in _parents().items():
        children.setdefault(parent, []).append(child)
    found = list(children.get(pid, []))
    for one in found:
        found += children.get(one, [])
    return found


def naming(folder: Path) -> list[str]:
    """The command lines of processes that have this folder in their arguments or environment."""
    return [command for _, command in _naming(folder)]


def strays(folder: Path, starter: int) -> list[str]:
    """The same, of those that do not descend from `starter` (any more)."""
    ours = {starter, *descendants(starter)}
    return [f"{pid} {command}" for pid, command in _naming(folder) if pid not in ours]


def is_frozen(pid: int) -> bool:
    """Whether a process is stopped by a signal."""
    return _stat(pid)[:1] == ["T"]


def _naming(folder: Path) -> list[tuple[int, str]]:
    found = []
    for process in _PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes()
            if str(folder).encode() in command + (process / "environ").read_bytes():
                text = command.replace(b"\0", b" ").decode(errors="replace")
                found.append((int(process.name), text))
    return found


def _parents() -> dict[int, int]:
    found = {}
    for process in _PROC.glob("[0-9]*"):
        if state := _stat(int(process.name)):
            found[int(process.name)] = int(state[1])
    return found


def _stat(pid: int) -> list[str]:
    """What follows the name in /proc/PID/stat: state, parent and so on; empty when it has ended."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return []
