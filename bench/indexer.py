"""Measures the indexer on a local Anvil, and writes the figures to one JSON file.

    python -m bench.indexer [RUNS]

Figures are medians of 5 runs. The indexer runs as its own process (`python -m indexer backfill` or
`run`), and its time is that of the whole process, with the indexes that it builds at the end. Every
run fills a new database. Rows are those of all event tables and of blocks. There are chains of
20,000 and of 2,000 blocks with one packed batch of a hundred bets per block, and one of 2,000
blocks in which each bet is its own event, as when receipts are enforced.

- `rows_per_s`: rows per second of a backfill of the long chain. `short_rows_per_s`: of the short
  chain, where starting the process is a fifth of the time. `single_rows_per_s`: of single events.
- `times_plain_loop`: `rows_per_s` divided by that of a loop of web3.py's get_logs and a SQLModel
  session that maintains the same tables (bench/plain_loop.py), reads the newest 40 of these blocks
  and commits after each. web3.py cannot read packed batches, so the loop uses `protocol` for them.
  `times_plain_loop_single`: the same for single events, which web3.py decodes.
- `share_of_write_limit`: the time to COPY the long chain's rows into the same tables and do nothing
  else, each table at once in binary format, divided by the time of a backfill.
- `share_of_slow_fetch`: on a connection with 50 ms per request and 20 MB/s (bench/slow_node.py),
  the time to fetch all logs and do nothing else, divided by the time of a backfill; for single
  events, since packed batches are too small for the connection to matter.
- `times_with_two_endpoints`: the time of a backfill of the short chain with two endpoints that must
  agree, divided by the time with one. Both are the same node, which answers twice as much.
- `receipts_per_s`: receipts that `run` reads for their gas after a backfill of the short chain,
  which does not read them; each repeats the event of a batch.
- `peak_mib`: maximum memory of a backfill of the long chain.
- `head_p50_ms`, `head_p99_ms`: from sending a batch to the node, which mines a block for it, until
  another database connection sees the block, over 500 blocks; receipts are read meanwhile.
- `growth`: the time for the long chain divided by ten times the time for the short one, both
  without the time of a backfill that finds nothing to do.
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from bench.indexer_chain import BenchChain, bench_chain
from bench.plain_loop import plain_loop
from indexer.chain.prefetch import THREADS
from indexer.mirror.tables import EVENT_TABLES, STATE_TABLES, Block, MirrorRow, columns_of
from scripts.devnet import DevnetError, Postgres
from scripts.devnet.chain import CHAIN_ID
from scripts.devnet.paths import ROOT, free_port
from scripts.devnet.postgres import plain_url

RESULTS = ROOT / "bench" / "results" / "indexer.json"
BLOCKS, LONGER, PLAIN_BLOCKS, HEAD_BLOCKS = 2_000, 10, 40, 500
LOG_BLOCKS_A_REQUEST = 20
BOUNDS: dict[str, tuple[str, float]] = {
    "rows_per_s": (">=", 100_000),
    "times_plain_loop": (">=", 40),
    "share_of_write_limit": (">=", 0.5),
    "share_of_slow_fetch": (">=", 0.8),
    "peak_mib": ("<=", 300),
    "head_p50_ms": ("<=", 10),
    "head_p99_ms": ("<=", 50),
    "growth": ("<=", 1.2),
}
ROWS: tuple[type[MirrorRow], ...] = (Block, *EVENT_TABLES)


class Bench:
    """Databases and processes of one benchmark."""

    def __init__(self, postgres: Postgres, runs: int) -> None:
        self.postgres = postgres
        self.runs = runs
        self._databases = 0

    def database(self) -> str:
        """The URL of a new, migrated database."""
        self._databases += 1
        url = plain_url(self.postgres.create_database(f"bench_{self._databases}"))
        subprocess.run(
            [sys.executable, "-m", "indexer", "migrate"],
            env={**os.environ, "DATABASE_URL": url},
            cwd=ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return url

    def drop(self, url: str) -> None:
        """Drop a database."""
        self.postgres.drop_database(urlsplit(url).path[1:])

    def median(self, measure: Callable[[], float]) -> float:
        """The median of the runs."""
        return statistics.median(measure() for _ in range(self.runs))

    def backfill(self, chain: BenchChain, database: str, url: str = "") -> tuple[float, float]:
        """Seconds and MiB of a backfill in its own process."""
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "indexer", "backfill"],
            env=environment(chain, database, url),
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"the backfill ended with exit code {process.returncode}")
        return time.monotonic() - started, usage.ru_maxrss / 1_024


def environment(chain: BenchChain, database: str, url: str = "") -> dict[str, str]:
    """The settings of an indexer."""
    return {
        **os.environ,
        "DATABASE_URL": database,
        "RPC_URL": url or chain.chain.url,
        "CHAIN_ID": str(CHAIN_ID),
        "DEPLOYMENT_FILE": str(chain.deployment_file),
        "CONFIRMATIONS": "2",
    }


def count_rows(database: str) -> int:
    """Rows of events and blocks."""
    with psycopg.connect(database) as connection:
        counts = [
            connection.execute(
                sql.SQL("SELECT count(*) FROM mirror.{}").format(_table(table))
            ).fetchone()
            for table in ROWS
        ]
    return sum(int(row[0]) for row in counts if row)


def short_chain(bench: Bench, chain: BenchChain) -> dict[str, float]:
    """Rate, the time of a backfill with nothing to do, and head latency."""
    chain.grow(BLOCKS)
    both = f"{chain.chain.url},{chain.chain.url.replace('127.0.0.1', 'localhost')}"
    times, idle, compared, rows = [], [], [], 0
    for _ in range(bench.runs):
        database = bench.database()
        times.append(bench.backfill(chain, database)[0])
        idle.append(bench.backfill(chain, database)[0])
        rows = count_rows(database)
        bench.drop(database)
        database = bench.database()
        compared.append(bench.backfill(chain, database, both)[0])
        bench.drop(database)
    found = {
        "short_rows": float(rows),
        "short_backfill_s": statistics.median(times),
        "short_rows_per_s": rows / statistics.median(times),
        "idle_s": statistics.median(idle),
        "times_with_two_endpoints": statistics.median(compared) / statistics.median(times),
    }
    return found | head(bench, chain)


def long_chain(bench: Bench, chain: BenchChain) -> dict[str, float]:
    """Rate and memory, the plain loop, and the write limit."""
    chain.grow(LONGER * BLOCKS)
    times, peaks, limits, rows = [], [], [], 0
    for _ in range(bench.runs):
        database = bench.database()
        seconds, peak_mib = bench.backfill(chain, database)
        times.append(seconds)
        peaks.append(peak_mib)
        rows = count_rows(database)
        limits.append(write_limit_s(bench, database))
        bench.drop(database)
    backfill_s = statistics.median(times)
    plain_rows_per_s = plain_rate(bench, chain)
    return {
        "rows": float(rows),
        "backfill_s": backfill_s,
        "rows_per_s": rows / backfill_s,
        "peak_mib": max(peaks),
        "write_limit_rows_per_s": rows / statistics.median(limits),
        "share_of_write_limit": statistics.median(limits) / backfill_s,
        "plain_loop_rows_per_s": plain_rows_per_s,
        "times_plain_loop": rows / backfill_s / plain_rows_per_s,
    }


def plain_rate(bench: Bench, chain: BenchChain) -> float:
    """Rows per second of the plain loop."""

    def plain() -> float:
        database = bench.database()
        rows, seconds = plain_loop(chain, database, PLAIN_BLOCKS)
        bench.drop(database)
        return rows / seconds

    return bench.median(plain)


def write_limit_s(bench: Bench, source: str) -> float:
    """Seconds to COPY the rows of a finished mirror. Another process holds the rows, because memory
    of this process would count for the processes that it starts."""
    target = bench.database()
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        seconds = process.submit(copied_s, source, target).result()
    bench.drop(target)
    return seconds


def copied_s(source: str, target: str) -> float:
    """Seconds to COPY all rows of one database, read into memory first, into another."""
    tables = (*ROWS, *STATE_TABLES)
    ready: dict[type[MirrorRow], list[bytes]] = {}
    with psycopg.connect(source) as connection:
        for table in tables:
            statement = sql.SQL("COPY mirror.{} ({}) TO STDOUT (FORMAT binary)").format(
                _table(table), _columns(table)
            )
            with connection.cursor().copy(statement) as copy:
                ready[table] = _joined(bytes(piece) for piece in copy)
    with psycopg.connect(target, autocommit=True) as connection:
        started = time.monotonic()
        with connection.transaction():
            for table in tables:
                statement = sql.SQL("COPY mirror.{} ({}) FROM STDIN (FORMAT binary)").format(
                    _table(table), _columns(table)
                )
                with connection.cursor().copy(statement) as copy:
                    for piece in ready[table]:
                        copy.write(piece)
        return time.monotonic() - started


def head(bench: Bench, chain: BenchChain) -> dict[str, float]:
    """Latency from a block to its rows in SQL, without dropping outliers."""
    p50s, p99s, rates = [], [], []
    for _ in range(bench.runs):
        database = bench.database()
        bench.backfill(chain, database)
        process = subprocess.Popen(
            [sys.executable, "-m", "indexer", "run"],
            env=environment(chain, database),
            cwd=ROOT,
            stderr=subprocess.DEVNULL,
        )
        try:
            rates.append(_receipts_per_s(database))
            latencies_ms = _head_times_ms(chain, database)
        finally:
            process.terminate()
            process.wait()
        bench.drop(database)
        p50s.append(statistics.median(latencies_ms))
        p99s.append(statistics.quantiles(latencies_ms, n=100)[98])
    return {
        "head_p50_ms": statistics.median(p50s),
        "head_p99_ms": statistics.median(p99s),
        "receipts_per_s": statistics.median(rates),
    }


def _receipts_per_s(database: str) -> float:
    """Receipts per second, from the first to the last."""
    unread = "SELECT count(*) FROM mirror.transaction WHERE gas_used IS NULL"
    seen: list[tuple[float, int]] = []
    deadline = time.monotonic() + 60
    with psycopg.connect(database, autocommit=True) as reader:
        while not seen or seen[-1][1]:
            row = reader.execute(unread).fetchone()
            assert row is not None
            if not seen or row[0] != seen[0][1]:
                seen.append((time.monotonic(), row[0]))
            if time.monotonic() > deadline:
                raise RuntimeError("the indexer does not read receipts")
            time.sleep(0.005)
    (since, most), (until, least) = seen[1], seen[-1]
    return (most - least) / (until - since)


def _head_times_ms(chain: BenchChain, database: str) -> list[float]:
    latencies_ms: list[float] = []
    with (
        psycopg.connect(database, autocommit=True) as reader,
        psycopg.connect(database, autocommit=True) as listener,
    ):
        listener.execute("LISTEN mirror")

        def wait_for(height: int) -> None:
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline:
                row = reader.execute("SELECT max(head_block) FROM mirror.deployment").fetchone()
                if row is not None and row[0] is not None and row[0] >= height:
                    return
                list(listener.notifies(timeout=1, stop_after=1))
            raise RuntimeError(f"block {height} was not mirrored within 30 s")

        chain.grow(1)
        wait_for(chain.height)
        for _ in range(HEAD_BLOCKS):
            height = chain.height + 1
            chain.prepare()
            started = time.monotonic()
            chain.send_prepared()
            wait_for(height)
            latencies_ms.append(1_000 * (time.monotonic() - started))
            time.sleep(0.005)
    return latencies_ms


def single_chain(bench: Bench, chain: BenchChain) -> dict[str, float]:
    """Rate, the plain loop, and a backfill on a slow connection."""
    chain.grow_singly(BLOCKS)

    def direct() -> float:
        database = bench.database()
        seconds, _ = bench.backfill(chain, database)
        rows = count_rows(database)
        bench.drop(database)
        return rows / seconds

    found = {"single_rows_per_s": bench.median(direct)}
    plain_rows_per_s = plain_rate(bench, chain)
    found["times_plain_loop_single"] = found["single_rows_per_s"] / plain_rows_per_s
    with slow_connection(chain) as url:
        times, limits = [], []
        for _ in range(bench.runs):
            limits.append(fetch_limit_s(chain, url))
            database = bench.database()
            times.append(bench.backfill(chain, database, url)[0])
            bench.drop(database)
    found["slow_backfill_s"] = statistics.median(times)
    found["slow_fetch_s"] = statistics.median(limits)
    found["share_of_slow_fetch"] = statistics.median(limits) / statistics.median(times)
    return found


def fetch_limit_s(chain: BenchChain, url: str) -> float:
    """Seconds to fetch all logs of the contracts, without decoding."""
    contracts = json.loads(chain.deployment_file.read_text())["contracts"]
    addresses = [contracts[name] for name in ("Sportsbook", "Results", "Bankroll")]
    parts = urlsplit(url)

    def fetch(first: int) -> int:
        last = first + LOG_BLOCKS_A_REQUEST - 1
        where = {"fromBlock": hex(first), "toBlock": hex(last), "address": addresses}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": [where]})
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port)
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        size = len(connection.getresponse().read())
        connection.close()
        return size

    started = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        sizes = list(pool.map(fetch, range(0, chain.height + 1, LOG_BLOCKS_A_REQUEST)))
    seconds = time.monotonic() - started
    if min(sizes[-5:]) < 100_000:
        raise RuntimeError("the slow node did not answer with logs")
    return seconds


@contextmanager
def slow_connection(chain: BenchChain) -> Iterator[str]:
    """The URL of a proxy with a slow connection to the node."""
    port = free_port()
    argv = [sys.executable, "-m", "bench.slow_node", str(port), chain.chain.url]
    process = subprocess.Popen(argv, cwd=ROOT)
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                http.client.HTTPConnection("127.0.0.1", port, timeout=1).connect()
                break
            except OSError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise RuntimeError("the slow node did not start") from None
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def measure(runs: int) -> dict[str, float]:
    """All figures by name."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="fairline-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        postgres = Postgres(state=folder)
        postgres.start()
        try:
            bench = Bench(postgres, runs)
            parts = {"long": long_chain, "short": short_chain, "single": single_chain}
            for part, figures in parts.items():
                with bench_chain(folder / part) as chain:
                    found |= figures(bench, chain)
        finally:
            postgres.stop()
    longer, shorter = found["backfill_s"], found["short_backfill_s"]
    found["growth"] = (longer - found["idle_s"]) / (shorter - found["idle_s"]) / LONGER
    return found


def _joined(pieces: Iterator[bytes], size: int = 1 << 20) -> list[bytes]:
    """Chunks of one row each, joined into large ones."""
    joined, waiting = [], bytearray()
    for piece in pieces:
        waiting += piece
        if len(waiting) >= size:
            joined.append(bytes(waiting))
            waiting.clear()
    return [*joined, bytes(waiting)]


def _table(table: type[MirrorRow]) -> sql.Identifier:
    return sql.Identifier(str(table.__tablename__))


def _columns(table: type[MirrorRow]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns_of(table)))


def _rounded(value: float) -> float:
    return round(value) if value >= 1_000 else round(value, 2)


def main() -> int:
    """Print the table and write the file; returns 1 when a figure misses its bound."""
    try:
        found: dict[str, Any] = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
    except DevnetError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    missed = 0
    print()
    for name, value in sorted(found.items()):
        sign, bound = BOUNDS.get(name, ("", 0))
        met = not sign or (value >= bound if sign == ">=" else value <= bound)
        missed += not met
        wanted = f"{sign} {bound:,}" if sign else ""
        print(f"{name:<26}{value:>14,.2f}   {wanted:<12}{'' if met else 'missed'}")
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    rounded = {name: _rounded(value) for name, value in sorted(found.items())}
    RESULTS.write_text(json.dumps(rounded, indent=2) + "\n")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
