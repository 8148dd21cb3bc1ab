"""Ends the process groups of a starter that died; must import only the standard library.

Runs as a process of its own and reads lines "+GROUP SIGNAL" and "-GROUP" from the starter. The
pipe ends when the starter ends, however it ended: then every group still listed is asked to stop
and killed after the grace period.
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
    """When the group's first process started, in the kernel's words; "" where nobody says.

    Numbers of processes are used again: a group whose first process started at another time is
    somebody else's.
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
    # A first process that has ended leaves the number to its group as long as that has others.
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
