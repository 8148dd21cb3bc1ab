"""Strikes the house with faults, and ends them.

A fault may be ended twice. Processes are started in the thread that calls, which must live on.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import redis

from scripts.chaos.house import House
from scripts.chaos.plan import API, NODE, POOL, POSTGRES, REDIS, Kind, PlannedFault
from scripts.devnet import DevnetError, Process, Redis, process_tree, wait_healthy
from scripts.devnet.paths import free_port

START_LIMIT_S = 30.0
_LINK_LIMIT_S = 20.0


@dataclass
class Fault:
    """A planned fault at a house; `note` is what became of it, where the plan does not say it, and
    `complaint` what should not have."""

    plan: PlannedFault
    house: House
    note: str = ""
    complaint: str = ""
    # Whether its target does not run now, as planned.
    is_down: bool = False

    def prepare(self) -> None:
        """Does before the round what would take too long in it."""

    def strike(self) -> None:
        """Begins the fault. Raises DevnetError when its target is not there."""

    def heal(self) -> None:
        """Ends it, if it has begun."""

    def __str__(self) -> str:
        return f"{self.plan}{f' ({self.note})' if self.note else ''}"

    def _process(self) -> Process:
        """The target's process, which runs."""
        name = "worker" if self.plan.target == POOL else self.plan.target
        process = self.house.process(name)
        wait_healthy(lambda: process.is_alive, START_LIMIT_S, process.name, process)
        return process

    def _server(self) -> Any:
        return self.house.server(self.plan.target)


class Kill(Fault):
    """SIGKILL of a service, or of a process of the worker's pool."""

    def strike(self) -> None:
        pid = self._process().pid
        if self.plan.target == POOL:
            pool = process_tree.descendants(pid)
            if not pool:
                raise DevnetError("The worker has no process in its pool.")
            pid = pool[0]
        os.kill(pid, signal.SIGKILL)


class Freeze(Fault):
    """SIGSTOP of a service or a server with all processes that it has started."""

    _pids: tuple[int, ...] = ()

    def strike(self) -> None:
        pid = self._process().pid
        os.kill(pid, signal.SIGSTOP)
        # It starts no other any more.
        self._pids = (pid, *process_tree.descendants(pid))
        self._send(signal.SIGSTOP)

    def heal(self) -> None:
        self._send(signal.SIGCONT)
        self._pids = ()

    def _send(self, number: signal.Signals) -> None:
        for pid in self._pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


class Down(Fault):
    """A server that is stopped, or killed, and started again."""

    def strike(self) -> None:
        self.is_down = True
        if self.plan.target == NODE:
            self.house.chain_is_copied()
        self._server().stop(self._how())

    def heal(self) -> None:
        self._server().start()
        self.is_down = False

    def _how(self) -> signal.Signals:
        if self.plan.target == POSTGRES:
            return signal.SIGQUIT if self.plan.kind is Kind.CRASH else signal.SIGINT
        return signal.SIGKILL if self.plan.kind is Kind.CRASH else signal.SIGTERM


class Failover(Fault):
    """A second Redis becomes the primary, and the house's own its replica."""

    _second: Redis | None = None

    def strike(self) -> None:
        self._second = Redis(state=self.house.folder / "second-redis")
        self._second.start()
        for url in (self._second.url(), self._url()):
            # Where a replica writes what it receives.
            with redis.Redis.from_url(url) as either:
                either.config_set("dir", str(self.house.folder))
        with self._clients() as (own, second):
            second.replicaof(*_address(own))
            wait_healthy(
                lambda: second.info("replication")["master_link_status"] == "up",
                _LINK_LIMIT_S,
                "the second Redis",
            )
            second.replicaof("NO", "ONE")
            own.replicaof(*_address(second))

    def heal(self) -> None:
        if self._second is None:
            return
        with self._clients() as (own, _):
            own.replicaof("NO", "ONE")
        self._second.stop()
        self._second = None

    def _url(self) -> str:
        return str(self._server().url())

    @contextlib.contextmanager
    def _clients(self) -> Any:
        assert self._second is not None
        with (
            redis.Redis.from_url(self._url()) as own,
            redis.Redis.from_url(self._second.url()) as second,
        ):
            yield own, second


class Reorg(Fault):
    """The blocks that are mined meanwhile are replaced."""

    _snapshot: str | None = None

    def strike(self) -> None:
        self._snapshot = self.house.chain.snapshot()

    def heal(self) -> None:
        if self._snapshot is not None:
            snapshot, self._snapshot = self._snapshot, None
            self.note = f"{self.house.chain.fork(snapshot)} blocks"


class Double(Fault):
    """A second process with the command and the settings of a service."""

    _second: Process | None = None

    def strike(self) -> None:
        first = self._process()
        logs = first.logs
        self._second = Process(f"second-{first.name}", first.argv, first.env, logs=logs)
        self._second.start()

    def heal(self) -> None:
        if self._second is not None:
            if not self._second.is_alive and self._second.exit_code != 0:
                self.complaint = (
                    f"the second {self.plan.target} ended with exit code {self._second.exit_code}"
                    f" ({self._second.last_line[:200]})"
                )
            self._second.stop(signal.SIGKILL)
            self._second = None


class DoubleApi(Double):
    """A second API with PostgreSQL and Redis of the first, on a port of its own; clients send each
    request to either until it is killed."""

    _url = ""

    def prepare(self) -> None:
        first = self._process()
        port = free_port()
        argv = list(first.argv)
        argv[argv.index("--port") + 1] = str(port)
        self._second = Process(f"second-{first.name}", argv, first.env, logs=first.logs)
        self._second.start()
        url = f"http://127.0.0.1:{port}"
        wait_healthy(lambda: _lives(url), START_LIMIT_S, "the second API", self._second)
        self._url = url

    def strike(self) -> None:
        self.house.api_urls.append(self._url)

    def heal(self) -> None:
        super().heal()
        if self._url in self.house.api_urls:
            # Some clients have met it dead.
            self.house.api_urls.remove(self._url)
            self.note = f"{self.house.requests[self._url]} requests to it"


_CLASSES: dict[Kind, type[Fault]] = {
    Kind.KILL: Kill,
    Kind.FREEZE: Freeze,
    Kind.RESTART: Down,
    Kind.CRASH: Down,
    Kind.FAILOVER: Failover,
    Kind.REORG: Reorg,
    Kind.DOUBLE: Double,
}


def faults_of(planned: tuple[PlannedFault, ...], house: House) -> list[Fault]:
    """The planned faults, at this house."""
    return [_class_of(fault)(fault, house) for fault in planned]


def _class_of(fault: PlannedFault) -> type[Fault]:
    is_api = fault.kind is Kind.DOUBLE and fault.target == API
    return DoubleApi if is_api else _CLASSES[fault.kind]


def _lives(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=2).is_success
    except httpx.TransportError:
        return False


@contextlib.contextmanager
def ended(faults: list[Fault]) -> Any:
    """Ends every fault at the end of the block, whatever happens in it."""
    with contextlib.ExitStack() as stack:
        for fault in faults:
            stack.callback(fault.heal)
        yield


def strike_while(
    faults: list[Fault], going: Callable[[], bool], say: Callable[[str], None], limit_s: float
) -> float:
    """Strikes and ends each fault at its time, and waits while something is `going` on; returns
    when the last fault had ended. Raises DevnetError when it goes on for longer than the limit."""
    started = time.monotonic()
    due: list[tuple[float, str, Fault]] = []
    for fault in faults:
        due.append((fault.plan.at_s, "strike", fault))
    due.sort(key=lambda entry: entry[0])
    last = started
    while due or going():
        passed_s = time.monotonic() - started
        if due and passed_s >= due[0][0]:
            _, step, fault = due.pop(0)
            if step == "strike":
                say(f"{fault.plan}")
                fault.strike()
                if fault.plan.kind is not Kind.KILL:
                    # From now on: it may take seconds until a fault has begun.
                    until_s = time.monotonic() - started + fault.plan.lasts_s
                    due.append((until_s, "heal", fault))
                    due.sort(key=lambda entry: entry[0])
            else:
                fault.heal()
            last = time.monotonic()
            continue
        _servers_run(faults)
        if passed_s > limit_s:
            raise DevnetError(f"Somebody still waited after {limit_s:.0f} s.")
        time.sleep(0.05)
    return last


def _servers_run(faults: list[Fault]) -> None:
    """Raises DevnetError for a server that has ended without a fault."""
    down = {fault.plan.target for fault in faults if fault.is_down}
    for fault in faults[:1]:
        for target in {POSTGRES, REDIS, NODE} - down:
            fault.house.process(target).fail_if_dead()


def _address(client: redis.Redis) -> tuple[str, str]:
    where = client.connection_pool.connection_kwargs
    return str(where["host"]), str(where["port"])
