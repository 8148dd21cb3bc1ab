"""Measures the indexer on a local Anvil, and writes the figures to one JSON file.

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

import json
import sys
import tempfile
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from bench.indexer_backfill import long_chain, short_chain, single_chain
from bench.indexer_chain import bench_chain
from bench.indexer_head import head
from bench.indexer_runs import Bench
from scripts.devnet import DevnetError, Postgres
from scripts.devnet.paths import ROOT

RESULTS = ROOT / "bench" / "results" / "indexer.json"
BLOCKS, LONGER = 2_000, 10
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
            with bench_chain(folder / "long") as chain:
                chain.grow(LONGER * BLOCKS)
                found |= long_chain(bench, chain)
            with bench_chain(folder / "short") as chain:
                chain.grow(BLOCKS)
                found |= short_chain(bench, chain)
                found |= head(bench, chain)
            with bench_chain(folder / "single") as chain:
                chain.grow_singly(BLOCKS)
                found |= single_chain(bench, chain)
        finally:
            postgres.stop()
    longer, shorter = found["backfill_s"], found["short_backfill_s"]
    found["growth"] = (longer - found["idle_s"]) / (shorter - found["idle_s"]) / LONGER
    return found


def _rounded(value: float) -> float:
    return round(value) if value >= 1_000 else round(value, 2)


def main() -> int:
    """Print the table and write the file; returns 1 when a figure misses its bound."""
    parser = ArgumentParser("python -m bench.indexer", description=__doc__)
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.add_argument("runs", nargs="?", type=int, default=5, help="of each measurement (5)")
    try:
        found: dict[str, Any] = measure(parser.parse_args().runs)
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
