"""Measures how fast slips are accepted, with the whole house running; writes one JSON file.

The house is that of the demo, on Anvil: PostgreSQL, Redis, indexer, odds, worker, beat, and two
API processes, of which a load uses one or both. In the same run the naive form
(`bench.naive_acceptance`) has the load of the most connections, which `times_naive` compares. Then
all slips are on one market, and at last of one account, which may have eight that wait: the others
are refused, and count as answered.

Wallets deposit, their slips are signed before the clock starts, and a load generator in a process
of its own sends each over one of the connections as soon as the slip before it was answered.
Latency is from the first byte sent to the last byte read. Accounts have at most
eight slips that wait: a run sends six of each account, and the next one begins when all are placed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
import tempfile
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from protocol.market_id import MarketId
from protocol.signatures import sign
from protocol.typed_data import Domain, Leg, Slip
from scripts.demo import platform as demo
from scripts.demo.api_client import ApiClient
from scripts.demo.chain_reader import ChainReader
from scripts.demo.deposits import open_accounts
from scripts.demo.wallet import Wallet
from scripts.devnet import Supervisor
from scripts.devnet.paths import free_port
from scripts.devnet.sample import EVE_S, MATCHDAY, SEASON
from scripts.devnet.sample import fixtures as sample_fixtures

RESULTS = Path("bench/results/acceptance.json")
WALLETS = 600
STAKE_MICRO = 1_000_000
DEPOSIT_MICRO = 1_000 * 10**6
DEADLINE_S = 110
RUNS = 3
PROCESSES = (
    *("backend.api", "bench.naive_acceptance", "backend.odds", "indexer", "celery"),
    *("anvil", "redis-server", "postgres"),
)


@dataclass(frozen=True, slots=True)
class Load:
    """What one run measured: answers by code, seconds from the first to the last answer, and the
    latencies of accepted slips in milliseconds, sorted. `cpu_ms` is the processor time per accepted
    slip, by process."""

    codes: Counter[str]
    seconds: float
    latencies_ms: Sequence[float]
    cpu_ms: dict[str, float] = field(default_factory=dict)

    def at(self, share: float) -> float:
        """The latency that this share of the accepted slips did not exceed."""
        last = len(self.latencies_ms) - 1
        return self.latencies_ms[round(share * last)] if last >= 0 else 0.0


def main() -> int:
    """Runs the loads and writes RESULTS."""
    parser = ArgumentParser("python -m bench.acceptance", description=__doc__)
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.add_argument("seconds", nargs="?", type=float, default=5.0, help="of one load (5)")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"of each load ({RUNS})")
    parser.add_argument("--wallets", type=int, default=WALLETS, help=f"that bet ({WALLETS})")
    parser.add_argument(
        "connections", nargs="*", type=int, default=[1, 16, 256], help="of each load (1 16 256)"
    )
    asked = parser.parse_args()
    seconds, connections = asked.seconds, asked.connections
    eve_s = min(fixture.starts_at_s for fixture in sample_fixtures()) - EVE_S
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        Supervisor(Path(folder) / "logs") as supervisor,
    ):
        platform = demo.Platform(supervisor, eve_s, Path(folder), free_port(), "anvil")
        platform.start_servers()
        platform.start_services(SEASON, MATCHDAY)
        other, naive = free_port(), free_port()
        platform.start_api("api-2", "backend.api", other)
        platform.start_api("naive", "bench.naive_acceptance", naive)
        bench = Bench(platform)
        bench.deposit(asked.wallets)
        both, most = (platform.api_port, other), max(connections)
        wait_for(other)
        wait_for(naive)

        def run(count: int, *ports: int, hot: str = "") -> dict[str, Any]:
            """The medians of some loads."""
            loads = [bench.run(count, seconds, ports, hot) for _ in range(asked.runs)]
            found = summary(loads)
            print(count, hot, len(ports), json.dumps(found), flush=True)
            return found

        figures: dict[str, Any] = {
            f"connections_{n}": run(n, platform.api_port) for n in connections
        }
        figures["processes_2"] = run(most, *both)
        figures["hot_market"] = run(most, *both, hot="market")
        figures["hot_account"] = run(most, *both, hot="account")
        figures["naive"] = run(most, naive)
    best = figures["processes_2"]["accepted_per_s"]
    figures["shares"] = {
        "times_naive": round(best / max(0.1, figures["naive"]["accepted_per_s"]), 1),
        "hot_market_share": round(figures["hot_market"]["accepted_per_s"] / best, 2),
        "hot_account_answered_share": round(figures["hot_account"]["answered_per_s"] / best, 2),
    }
    figures["load_average"] = [round(one, 1) for one in os.getloadavg()]
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))
    return 0


def summary(runs: Sequence[Load]) -> dict[str, Any]:
    """The medians of some runs of one load."""
    answers: Counter[str] = Counter()
    for run in runs:
        answers.update(run.codes)
    return {
        "accepted_per_s": round(median(run.codes["accepted"] / run.seconds for run in runs), 1),
        "answered_per_s": round(median(run.codes.total() / run.seconds for run in runs), 1),
        "accepted_p50_ms": round(median(run.at(0.5) for run in runs), 1),
        "accepted_p99_ms": round(median(run.at(0.99) for run in runs), 1),
        "cpu_ms_per_slip": {
            name: round(median(run.cpu_ms.get(name, 0.0) for run in runs), 2) for name in PROCESSES
        },
        "answers": dict(answers),
    }


class Bench:
    """Wallets with accounts, and the loads that they make."""

    def __init__(self, platform: demo.Platform) -> None:
        self._platform = platform
        self._reader = ChainReader(platform.chain.url, platform.deployment_file)
        self._api = ApiClient(platform.api_url)
        self._wallets: list[Wallet] = []
        typed = self._api.get("/v1/typed-data")
        domain = typed["domain"]
        self._domain = Domain(domain["chainId"], domain["verifyingContract"])
        self._wait_for_odds()
        fixtures = self._api.fixtures()
        self._legs = [
            Leg(fixture["name"], MarketId.unpack(bytes.fromhex(market["id"][2:])), outcome)
            for fixture in fixtures
            for market in fixture["markets"]
            if market["odds_e4"]
            for outcome in range(len(market["outcomes"]))
        ]

    def _wait_for_odds(self) -> None:
        until = time.monotonic() + 120
        while time.monotonic() < until:
            fixtures = self._api.fixtures()
            if fixtures and all(f["markets"] and f["markets"][0]["odds_e4"] for f in fixtures):
                return
            time.sleep(0.5)
        raise RuntimeError("there are no odds")

    def deposit(self, count: int) -> None:
        """Opens this many accounts."""
        self._wallets = [Wallet(os.urandom(32)) for _ in range(count)]
        deposits = [(wallet, DEPOSIT_MICRO) for wallet in self._wallets]
        open_accounts(self._platform.chain, self._reader, deposits, print)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                self._api.get(f"/v1/accounts/{self._wallets[-1].account}")
                return
            except Exception:
                time.sleep(0.5)
        raise RuntimeError("the mirror does not show the last account")

    def run(self, connections: int, seconds: float, ports: Sequence[int], hot: str = "") -> Load:
        """One load over connections to these ports in turn; `hot` is what all slips share: their
        market, or their account. Slips are signed first."""
        now_s = self._platform.chain.timestamp_s()
        bodies = []
        for turn in range(6):
            for place, own in enumerate(self._wallets):
                wallet = self._wallets[0] if hot == "account" else own
                wallet.nonce += 1
                number = turn * len(self._wallets) + place
                leg = self._legs[0 if hot == "market" else number % len(self._legs)]
                bodies.append(self._signed(wallet, leg, now_s + DEADLINE_S))
        before = cpu_s()
        with ProcessPoolExecutor(1) as pool:
            sent = pool.submit(send, ports, bodies, connections, seconds)
            load = sent.result()
        accepted = max(1, load.codes["accepted"])
        for name, used_s in cpu_s().items():
            load.cpu_ms[name] = 1_000 * (used_s - before.get(name, 0.0)) / accepted
        self._let_place()
        for wallet in self._wallets:
            wallet.nonce = self._api.get(f"/v1/accounts/{wallet.account}")["next_nonce"] - 1
        return load

    def _let_place(self) -> None:
        """Waits until nothing waits to be placed."""
        until = time.monotonic() + 120
        while time.monotonic() < until:
            waiting = [
                self._api.get(f"/v1/accounts/{wallet.account}")["pending_slips"]
                for wallet in self._wallets[:: max(1, len(self._wallets) // 20)]
            ]
            if not any(waiting):
                return
            time.sleep(1)

    def _signed(self, wallet: Wallet, leg: Leg, deadline_s: int) -> bytes:
        slip = Slip(wallet.account, STAKE_MICRO, 10_001, wallet.nonce, deadline_s, (leg,))
        signature = sign(self._domain.digest(slip.struct_hash()), wallet.key)
        body: dict[str, Any] = {
            "account": slip.account,
            "stake_micro": str(slip.stake_micro),
            "min_odds_e4": slip.min_odds_e4,
            "nonce": slip.nonce,
            "deadline_s": slip.deadline_s,
            "legs": [{"market": f"0x{leg.market.pack().hex()}", "outcome": leg.outcome}],
            "signature": f"0x{signature.hex()}",
        }
        content = json.dumps(body).encode()
        head = (
            "POST /v1/slips HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n"
        )
        return head.encode() + content


def cpu_s() -> dict[str, float]:
    """The processor seconds that the house's processes have used, by name."""
    used_s: dict[str, float] = {}
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            times, words = process.cpu_times(), " ".join(process.cmdline())
            name = next((name for name in PROCESSES if name in words), None)
            if name is not None:
                used_s[name] = used_s.get(name, 0.0) + times.user + times.system
    return used_s


def wait_for(port: int) -> None:
    """Waits until a server takes connections."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.2)
    raise RuntimeError(f"nothing listens on port {port}")


def send(ports: Sequence[int], requests: Sequence[bytes], connections: int, seconds: float) -> Load:
    """Sends the requests over so many connections, for at most so long."""
    return asyncio.run(_send(ports, requests, connections, seconds))


async def _send(
    ports: Sequence[int], requests: Sequence[bytes], connections: int, seconds: float
) -> Load:
    codes: Counter[str] = Counter()
    latencies: list[float] = []
    waiting = iter(requests)
    until = time.perf_counter() + seconds

    async def client(number: int) -> None:
        port = ports[number % len(ports)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in waiting:
            begun = time.perf_counter()
            if begun > until:
                break
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            body = await reader.readexactly(length)
            if head.startswith(b"HTTP/1.1 201"):
                codes["accepted"] += 1
                latencies.append(1_000 * (time.perf_counter() - begun))
            else:
                codes[json.loads(body)["code"]] += 1
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(client(number) for number in range(connections)))
    return Load(codes, time.perf_counter() - begun, sorted(latencies))


if __name__ == "__main__":
    sys.exit(main())
