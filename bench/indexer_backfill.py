"""Measures backfills of the indexer, and compares them with a plain loop and with the limits."""

from __future__ import annotations

import statistics

from bench.indexer_chain import BenchChain
from bench.indexer_limits import count_rows, fetch_limit_s, slow_connection, write_limit_s
from bench.indexer_runs import Bench
from bench.plain_loop import plain_loop

PLAIN_BLOCKS = 40


def long_chain(bench: Bench, chain: BenchChain) -> dict[str, float]:
    """Rate and memory, the plain loop, and the write limit."""
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


def short_chain(bench: Bench, chain: BenchChain) -> dict[str, float]:
    """Rate, the time of a backfill with nothing to do, and with two endpoints."""
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
    return {
        "short_rows": float(rows),
        "short_backfill_s": statistics.median(times),
        "short_rows_per_s": rows / statistics.median(times),
        "idle_s": statistics.median(idle),
        "times_with_two_endpoints": statistics.median(compared) / statistics.median(times),
    }


def single_chain(bench: Bench, chain: BenchChain) -> dict[str, float]:
    """Rate, the plain loop, and a backfill on a slow connection."""

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


def plain_rate(bench: Bench, chain: BenchChain) -> float:
    """Rows per second of the plain loop."""

    def plain() -> float:
        database = bench.database()
        rows, seconds = plain_loop(chain, database, PLAIN_BLOCKS)
        bench.drop(database)
        return rows / seconds

    return bench.median(plain)
