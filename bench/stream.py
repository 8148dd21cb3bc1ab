"""Measures how fast odds reach the readers of the stream, with the whole house running; writes one
JSON file.

The house is that of the demo, on Anvil, with `python -m backend.stream` beside it. A process
publishes changes of odds in Redis as the odds process does, and readers in another are connected
by plain sockets (bench/stream_readers.py): all of it shares the machine's cores. Latency is from
just before a change is published until a reader has read its message. Figures are medians of 3.

- `readers_10k`: 10,000 readers, 10 changes a second. `share` is the messages that were read of one
  for each change, `changes_share` the changes that were in them: changes may share a message.
- `readers_1k`: 1,000 readers, 10 changes a second; `naive`: the same by a route that forwards each
  change to each reader's queue (bench/naive_stream.py).
- `ticks_2k`: 2,000 changes a second over 1,000 fixtures, and 1,000 readers who follow 20 fixtures
  each, as those of a competition. Changes of 20 ms share a message.
- `cpu_us_per_message`: processor time of the stream's process per message that was read.
- `plain_send_us`: the same for a loop that only sends (bench/plain_sends.py): the kernel's part.
"""

from __future__ import annotations

import json
import socket
import sys
import tempfile
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import orjson
import psutil
from redis import Redis

from backend.odds.redis_messages import ODDS_CHANNEL
from bench.plain_sends import cpu_us_per_send
from bench.stream_readers import Heard, clock_us, fixture_id, path_of, read
from scripts.demo import platform as demo
from scripts.devnet import Supervisor, wait_healthy
from scripts.devnet.house import LIMITS
from scripts.devnet.paths import ROOT, free_port
from scripts.devnet.sample import EVE_S, MATCHDAY, SEASON
from scripts.devnet.sample import fixtures as sample_fixtures

RESULTS = Path("bench/results/stream.json")
RUNS = 3
SECONDS = 5.0
UNLIMITED = {
    **LIMITS,
    "RATE_LIMIT_PER_MINUTE": "1000000",
    "MAX_STREAMS_PER_ADDRESS": "20000",
}
# It would wait for its readers to leave.
NAIVE = (
    *("-m", "uvicorn", "bench.naive_stream:app", "--log-level", "warning"),
    *("--timeout-graceful-shutdown", "1"),
)


@dataclass(frozen=True, slots=True)
class Load:
    """Readers, and changes per second over so many fixtures. Each reader follows one of so many
    equal parts of the fixtures, or all of them with 0."""

    readers: int
    changes_per_s: int
    fixtures: int
    topics: int = 0


LOADS = {
    "readers_1k": Load(1_000, 10, 100),
    "readers_10k": Load(10_000, 10, 100),
    "ticks_2k": Load(1_000, 2_000, 1_000, 50),
}


def publish(redis_url: str, load: Load) -> None:
    """Publish changes at the load's rate until ended; for a process of its own."""
    redis, begun, number = Redis.from_url(redis_url), time.monotonic(), 0
    while True:
        if number > (time.monotonic() - begun) * load.changes_per_s:
            time.sleep(min(0.001, 0.1 / load.changes_per_s))
            continue
        fixture = fixture_id(number % load.fixtures)
        change = {
            "fixture": fixture,
            "market": f"{fixture}{'0' * 32}",
            "odds_e4": [20_000 + number % 1_000, 32_000, 41_000],
            "at_ms": int(time.time() * 1_000),
            "version": clock_us(),
        }
        redis.publish(ODDS_CHANNEL, orjson.dumps(change))
        number += 1


class Bench:
    """The house, and the loads on one process that serves a stream."""

    def __init__(self, platform: demo.Platform, folder: Path) -> None:
        self._platform = platform
        self._folder = folder

    @contextmanager
    def serving(self, *arguments: str) -> Iterator[psutil.Popen]:
        """A process that serves the stream at the option --port of these arguments."""
        port = arguments[arguments.index("--port") + 1]
        env = self._platform.environment() | UNLIMITED
        with (self._folder / "stream.log").open("ab") as log:
            process = psutil.Popen(
                [sys.executable, *arguments], cwd=ROOT, env=env, stdout=log, stderr=log
            )
        try:
            wait_healthy(lambda: answers(int(port)), 60, "the stream")
            yield process
        finally:
            process.terminate()
            process.wait()

    def run(self, load: Load, *arguments: str) -> dict[str, float]:
        """One load on a new process."""
        port, context = free_port(), get_context("spawn")
        ours, theirs = context.Pipe()
        paths = [path_of(one, load.fixtures, load.topics) for one in range(load.readers)]
        reading = context.Process(target=read, args=(port, paths, SECONDS, theirs))
        publishing = context.Process(target=publish, args=(self._platform.redis.url(), load))
        with self.serving(*arguments, "--port", str(port)) as process:
            for one in (reading, publishing):
                one.daemon = True
                one.start()
            try:
                # Otherwise a reader that fails would be waited for.
                theirs.close()
                ours.recv()
                before = _cpu_s(process)
                heard = ours.recv()
                return figures(load, heard, _cpu_s(process) - before)
            finally:
                for one in (reading, publishing):
                    one.terminate()
                    one.join()


def answers(port: int) -> bool:
    """Whether something listens there."""
    with socket.create_connection(("127.0.0.1", port)):
        return True


def figures(load: Load, heard: Heard, cpu_s: float) -> dict[str, float]:
    """What is kept of one run."""
    due = load.readers * load.changes_per_s / (load.topics or 1) * heard.seconds
    return {
        "p50_ms": heard.at(0.5),
        "p99_ms": heard.at(0.99),
        "messages_per_s": heard.deltas / heard.seconds,
        "share": min(1.0, heard.deltas / due),
        "changes_share": min(1.0, heard.changes / due),
        "cpu_us_per_message": 1e6 * cpu_s / max(1, heard.deltas),
    }


def medians(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    """The median of each figure."""
    return {name: round(median(run[name] for run in runs), 3) for name in runs[0]}


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def main() -> int:
    """Run the loads and write RESULTS."""
    parser = ArgumentParser("python -m bench.stream", description=__doc__)
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.add_argument("runs", nargs="?", type=int, default=RUNS, help="of each load (3)")
    runs = parser.parse_args().runs
    eve_s = min(fixture.starts_at_s for fixture in sample_fixtures()) - EVE_S
    found: dict[str, dict[str, float] | float] = {}
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        Supervisor(Path(folder) / "logs") as supervisor,
    ):
        platform = demo.Platform(supervisor, eve_s, Path(folder), free_port(), "anvil")
        platform.start_servers()
        platform.start_services(SEASON, MATCHDAY)
        bench = Bench(platform, Path(folder))
        ours = ("-m", "backend.stream")
        for name, load in LOADS.items():
            found[name] = medians([bench.run(load, *ours) for _ in range(runs)])
            print(name, json.dumps(found[name]), flush=True)
        naive = LOADS["readers_1k"]
        found["naive"] = medians([bench.run(naive, *NAIVE) for _ in range(runs)])
        sends = [cpu_us_per_send(naive.readers) for _ in range(runs)]
        found["plain_send_us"] = round(median(sends), 3)
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
