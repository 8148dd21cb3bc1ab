"""Measures what no indexer can beat: the database's time to write, and the node's to answer."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from bench.indexer_chain import BenchChain
from bench.indexer_runs import Bench
from indexer.chain.prefetch import THREADS
from indexer.mirror.tables import EVENT_TABLES, STATE_TABLES, Block, MirrorRow, columns_of
from scripts.devnet.paths import ROOT, free_port

LOG_BLOCKS_A_REQUEST = 20
ROWS: tuple[type[MirrorRow], ...] = (Block, *EVENT_TABLES)


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
