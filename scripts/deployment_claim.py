"""Notes that a devnet uses a deployment file, for as long as it runs."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


class DeploymentUsed(Exception):
    """A running devnet uses the file; the message says which one, and what to do."""


def _claim_path(path: Path) -> Path:
    return path.with_name(f"{path.stem}.lock")


@contextlib.contextmanager
def claimed(path: Path, state: Path) -> Iterator[None]:
    """Keeps the deployment file at `path` for the devnet in the folder `state`. Raises
    DeploymentUsed when another one has it."""
    claim = _claim_path(path)
    claim.parent.mkdir(parents=True, exist_ok=True)
    with claim.open("a") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _used(path) from None
        held.truncate(0)
        held.write(f"{os.getpid()}\n{state}\n")
        held.flush()
        yield


def refuse_used(path: Path) -> None:
    """Raises DeploymentUsed when a devnet uses the file at `path` that neither is this process nor
    started it."""
    with contextlib.suppress(FileNotFoundError), _claim_path(path).open() as held:
        try:
            fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            if held.readline().strip() not in (str(os.getpid()), str(os.getppid())):
                raise _used(path) from None


def _used(path: Path) -> DeploymentUsed:
    state = "".join(_claim_path(path).read_text().splitlines()[1:])
    return DeploymentUsed(
        f"{path} is the deployment of the devnet that runs in {state}: stop that one, or name"
        " another file with DEPLOYMENT_FILE. In a shell that has sourced that devnet's file,"
        " DEPLOYMENT_FILE is set."
    )
