"""Measures the indexer at the head of the chain: the delay of a block, and receipts per second."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

import psycopg

from bench.indexer_chain import BenchChain
from bench.indexer_runs import Bench, environment
from scripts.devnet.paths import ROOT

HEAD_BLOCKS = 500


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
