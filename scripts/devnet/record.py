"""Keeps the record of a devnet in its folder: what it is, where it answers, and whether it runs."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from scripts.devnet import orphan_reaper
from scripts.devnet.errors import DevnetError
from scripts.devnet.paths import STATE

FOLDER = STATE / "devnet"
NAME = "devnet.json"
# A devnet that was killed leaves its servers to the reaper, which gives them its grace.
LEFTOVER_LIMIT_S = orphan_reaper.GRACE_S + 3
# In the file that a shell sources: the folder of the devnet that the file is of. Other programs
# keep data of their own in STATE_FOLDER, and must not find a devnet's there.
SOURCED = "DEVNET_FOLDER"


@dataclass
class DevnetRecord:
    """`genesis_hash` says which chain it is. `pids` are the servers of the run that wrote it; none
    after a run that ended in order."""

    kind: str
    start: str
    genesis_hash: str = ""
    rpc_url: str = ""
    redis_url: str = ""
    database_url: str = ""
    deployment_file: str = ""
    pids: list[int] = field(default_factory=list)

    @classmethod
    def read(cls, state: Path) -> DevnetRecord | None:
        """The record in a folder, None when there is none or it cannot be read."""
        try:
            return cls(**json.loads((state / NAME).read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, state: Path) -> None:
        made = state / f"{NAME}.tmp"
        made.write_text(json.dumps(asdict(self), indent=2) + "\n")
        made.replace(state / NAME)


@contextlib.contextmanager
def sole_user(state: Path) -> Iterator[None]:
    """Lets one devnet at a time use a folder. Raises DevnetError when another one does."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / "devnet.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            found = DevnetRecord.read(state)
            where = f" at RPC_URL={found.rpc_url}" if found and found.rpc_url else ""
            raise DevnetError(
                f"A devnet is running in {state}{where}: use it, stop it with Ctrl-C in its"
                " terminal, or set STATE_FOLDER to a folder of its own to start another one."
            ) from None
        yield


def is_running(state: Path) -> bool:
    """Whether a devnet uses the folder now."""
    if not (state / "devnet.lock").exists():
        return False
    with (state / "devnet.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def running(state: Path) -> DevnetRecord:
    """The record of the devnet that runs in a folder. Raises DevnetError when none does."""
    found = DevnetRecord.read(state)
    if found is None or not found.rpc_url or not is_running(state):
        raise DevnetError(
            f"No devnet is running in {state}: start one with `make devnet` in another terminal."
        )
    return found


def wait_for_leftovers(record: DevnetRecord | None) -> None:
    """Waits until the servers of a devnet that was killed have ended; its ports are free then."""
    until = time.monotonic() + LEFTOVER_LIMIT_S
    while record and any(orphan_reaper.is_alive(pid) for pid in record.pids):
        if time.monotonic() > until:
            return
        time.sleep(0.1)


def folder(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of the devnet that is meant: STATE_FOLDER, that of the sourced devnet, or the
    clone's own."""
    return Path(environment.get("STATE_FOLDER") or environment.get(SOURCED) or FOLDER).resolve()


def meant(environment: Mapping[str, str] = os.environ) -> DevnetRecord:
    """The record of the devnet that a command changes. Raises DevnetError when none runs, and when
    RPC_URL is of another chain: then it is not clear which one is meant."""
    state = folder(environment)
    found = running(state)
    asked = environment.get("RPC_URL", "").strip()
    if asked and _address(asked) != _address(found.rpc_url):
        raise DevnetError(
            f"RPC_URL={asked} is not the chain of the devnet in {state}, which is at"
            f" {found.rpc_url}: source {state}/devnet.env to change that one, or set STATE_FOLDER"
            " to the folder of the other."
        )
    return found


def _address(url: str) -> str:
    return url.rstrip("/").replace("//localhost:", "//127.0.0.1:")


def server_elsewhere(name: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """The server that DATABASE_URL, REDIS_URL or RPC_URL names, None when it is not set or names
    what a devnet of this clone started: a shell that has sourced the settings of a devnet does not
    ask for that one's servers when it starts another."""
    value = environment.get(name) or None
    states = {FOLDER, folder(environment), Path(environment.get(SOURCED) or FOLDER)}
    records = (DevnetRecord.read(state) for state in states)
    ours = {getattr(record, name.lower()) for record in records if record}
    return None if value in ours else value


def deployment_elsewhere(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The file that DEPLOYMENT_FILE names, None when it is not set or is that of a sourced devnet
    other than the one that is started."""
    value = environment.get("DEPLOYMENT_FILE") or None
    sourced = environment.get(SOURCED)
    if value and sourced and Path(sourced).resolve() != folder(environment):
        record = DevnetRecord.read(Path(sourced))
        value = None if record and record.deployment_file == value else value
    return Path(value).resolve() if value else None
