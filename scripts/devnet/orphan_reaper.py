"""Stops the process groups of a starter that died.

It runs as a process of its own, imports only the standard library, and reads lines "+GROUP SIGNAL"
and "-GROUP" from the starter. When the starter ends, for whatever reason, the pipe ends: every
group still listed gets its signal, and after the grace period SIGKILL.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

GRACE_S = 5.0


def is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def send(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def born(group: int) -> str:
    """When the group's first process started, as the kernel reports it; "" where it does not.

    Process numbers are reused: a group whose first process started at another time is not ours.
    """
    try:
        with open(f"/proc/{group}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[19]
    except OSError:
        return ""


def main() -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    groups: dict[int, tuple[int, str]] = {}
    for line in sys.stdin:
        words = line[1:].split()
        group = int(words[0])
        if line.startswith("+"):
            groups[group] = int(words[1]), born(group)
        else:
            groups.pop(group, None)
    # After the end of the first process the group keeps its number as long as it has others.
    left = {group: how for group, (how, at) in groups.items() if born(group) in (at, "")}
    for group, number in left.items():
        send(group, number)
    until = time.monotonic() + GRACE_S
    while time.monotonic() < until and any(is_alive(group) for group in left):
        time.sleep(0.05)
    for group in left:
        if born(group) in (groups[group][1], ""):
            send(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
