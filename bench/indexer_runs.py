"""Starts the indexer's processes for its benchmark, each on a new database."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from bench.indexer_chain import BenchChain
from scripts.devnet import Postgres
from scripts.devnet.chain import CHAIN_ID
from scripts.devnet.paths import ROOT
from scripts.devnet.postgres import plain_url


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
