"""Measures the app in a real browser against the whole house; writes one JSON file.

    python -m bench.web [RUNS [PART ...]]

The house is that of the demo, on Anvil; the browser is the tests'. Every figure is the median of
RUNS runs (3), each in a browser of its own; p95 is that of the samples of a run. Odds move as
in the house: a tick is an accepted slip on the Redis channel that the odds process follows, which
prices the fixture's eight markets again, and from there goes the usual way: Redis, API, stream.

js_first_load_kib                 scripts of the board as they are sent, on a phone and a desktop
lighthouse_mobile_*               scores of Lighthouse 12.2.3, which npx fetches and keeps (it has
                                  137 packages, and nothing else here needs it)
axe_violations                    broken rules of axe-core on every page, both themes and screens
first_bet_s                       from the address to an accepted bet with the demo wallet
click_to_signature_request_ms_p95 from the click on "Sign bet" to the wallet's request
tick_to_pixel_ms_p95              from the slip on the channel to the painted price, ten fixtures
board_*                           500 fixtures, 25 ticks a second (200 prices of markets); half of
                                  the time the page is scrolled. longest_task_ms is 0 without a task
                                  of 50 ms or longer
load_*                            the machine's load average before and after each part

The parts are load, clicks, pixels, first_bet, lighthouse, axe and board; all without a name.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from redis import Redis

from backend.feed.facts import FixtureFacts, write_facts
from backend.feed.reading import load_facts
from backend.odds.redis_messages import SLIPS_CHANNEL, AcceptedLeg, AcceptedSlip, slips_json
from scripts.demo import platform as demo
from scripts.demo.api_client import ApiClient
from scripts.devnet import Supervisor
from scripts.devnet.chain import account_key
from scripts.devnet.paths import ROOT, free_port
from scripts.devnet.sample import EVE_S, FACTS_FILE, MATCHDAY, SEASON
from scripts.devnet.sample import fixtures as sample_fixtures

RESULTS = Path("bench/results/web.json")
PAGE = ROOT / "bench" / "web_page.mjs"
RUNS = 3
FIXTURES = 500
TICKS_PER_S = 25
BOARD_S = 12
# A funded account without a role.
WALLET = 60
CLICKS = 40
PIXEL_TICKS = 60
PIXEL_EVERY_S = 0.3
STAKE_MICRO = 1_000 * 10**6
DAY_S = 86_400
PAGE_LIMIT_S = 600


def p95(values: Iterable[float]) -> float:
    """The value that 95 % of the samples did not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]


def latencies_ms(
    ticks: Sequence[tuple[str, float]], painted: Sequence[tuple[str, float]]
) -> list[float]:
    """For each tick (fixture, time) how long it took until a price of its fixture was painted;
    without those that nothing was painted for before the fixture's next tick."""
    found = []
    for at, (fixture, ticked_ms) in enumerate(ticks):
        following = (other_ms for other, other_ms in ticks[at + 1 :] if other == fixture)
        until_ms = next(following, float("inf"))
        paints = (when for one, when in painted if one == fixture and ticked_ms <= when < until_ms)
        first_ms = min(paints, default=None)
        if first_ms is not None:
            found.append(first_ms - ticked_ms)
    return found


def more_fixtures(known: Sequence[FixtureFacts], count: int) -> list[FixtureFacts]:
    """Fixtures of the known clubs on the day after the sample's match day, ten at a time."""
    sample = sample_fixtures()
    first_s = min(fixture.starts_at_s for fixture in sample) + DAY_S
    clubs = sorted({club for fixture in known for club in (fixture.home, fixture.away)})
    pairs = list(itertools.permutations(clubs, 2))[:count]
    return [
        FixtureFacts(sample[0].competition, "bench", "1", first_s + at // 10 * 600, *pair, None)
        for at, pair in enumerate(pairs)
    ]


class Bench:
    """The house, and what is measured in it."""

    def __init__(self, platform: demo.Platform, folder: Path) -> None:
        self.platform = platform
        self.folder = folder
        self._api = ApiClient(platform.api_url)
        self._redis = Redis.from_url(platform.redis.url())
        self._numbers = itertools.count()
        self.wait_for_odds(len(sample_fixtures()))

    def wait_for_odds(self, count: int) -> None:
        """Returns when so many fixtures have odds."""
        until = time.monotonic() + 180
        while time.monotonic() < until:
            fixtures = self._api.fixtures()
            if len(fixtures) >= count and all(f["markets"][0]["odds_e4"] for f in fixtures):
                self._legs = [
                    (fixture["id"], bytes.fromhex(market["id"][2:]), market["odds_e4"])
                    for fixture in fixtures
                    for market in fixture["markets"]
                    if market["kind"] == "Match result"
                ]
                return
            time.sleep(0.5)
        raise RuntimeError(f"there are no odds for {count} fixtures")

    def open_more(self, count: int) -> None:
        """Opens so many fixtures besides."""
        path = self.folder / "more.csv"
        known = load_facts(FACTS_FILE)
        write_facts(path, [*known, *more_fixtures(known, count)])
        arguments = ("open", "--facts", str(path), "--season", "bench", "--matchday", "1")
        done = self.platform.run_to_end("markets", "-m", "backend.markets", *arguments)
        if done.exit_code != 0:
            raise RuntimeError(f"the fixtures were not opened: {done.last_line}")

    def tick(self) -> tuple[str, float]:
        """Has an accepted slip move the odds of the next fixture; returns which, and when."""
        number = next(self._numbers)
        turn, place = divmod(number, len(self._legs))
        fixture, market, odds_e4 = self._legs[place]
        # Home and away in turn, so that odds move to and fro.
        outcome = 2 * (turn % 2)
        leg = AcceptedLeg(market, outcome, odds_e4[outcome])
        at_ms = time.time() * 1_000
        slip = AcceptedSlip(f"bench-{number}", STAKE_MICRO, (leg,))
        self._redis.publish(SLIPS_CHANNEL, slips_json([slip]))
        return fixture, at_ms

    def page(self, what: str, *arguments: str) -> Any:
        """What the page's script measured."""
        with self.running(what, *arguments, waits=False) as result:
            return result()

    @contextmanager
    def running(
        self, what: str, *arguments: str, waits: bool = True
    ) -> Iterator[Callable[[], Any]]:
        """The page's script once it is ready; what is yielded ends it and returns its result."""
        argv = ["node", str(PAGE), what, self.platform.api_url, *arguments]
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            if waits and process.stdout.readline() != "ready\n":
                raise RuntimeError(f"{what}: the page was not ready")
            yield lambda: self._result(what, process)
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait()

    @staticmethod
    def _result(what: str, process: subprocess.Popen[str]) -> Any:
        output, _ = process.communicate(timeout=PAGE_LIMIT_S)
        if process.returncode != 0:
            raise RuntimeError(f"{what} ended with exit code {process.returncode}")
        return json.loads(output)

    def pixels(self) -> list[float]:
        """Latencies from tick to painted price."""
        ticks = []
        with self.running("pixels") as result:
            for _ in range(PIXEL_TICKS):
                ticks.append(self.tick())
                time.sleep(PIXEL_EVERY_S)
            time.sleep(1)
            painted = result()
        found = latencies_ms(ticks, painted)
        if len(found) < 0.9 * PIXEL_TICKS:
            raise RuntimeError(f"of {PIXEL_TICKS} ticks only {len(found)} were painted")
        return found

    def board(self) -> dict[str, float]:
        """The board while odds move."""
        ending = threading.Event()
        changes: Any = self._redis.pubsub(  # type: ignore[no-untyped-call]
            ignore_subscribe_messages=True
        )
        changes.subscribe("odds")

        def move() -> None:
            due = time.monotonic()
            while not ending.is_set():
                self.tick()
                due += 1 / TICKS_PER_S
                time.sleep(max(0.0, due - time.monotonic()))

        with self.running("board", str(BOARD_S)) as result:
            mover = threading.Thread(target=move)
            mover.start()
            began, seen = time.monotonic(), 0
            try:
                # The page lets its layout settle for five seconds first.
                while time.monotonic() < began + BOARD_S + 6:
                    seen += changes.get_message(timeout=0.5) is not None
                lasted_s = time.monotonic() - began
                found: dict[str, float] = result()
            finally:
                ending.set()
                mover.join()
                changes.close()
        return {**found, "market_updates_per_s": seen / lasted_s}


def medians(runs: Sequence[dict[str, float]], prefix: str) -> dict[str, float]:
    """The median of each figure, with its name behind a prefix."""
    return {f"{prefix}{name}": round(median(run[name] for run in runs), 1) for name in runs[0]}


def measure_load(bench: Bench, runs: int) -> dict[str, Any]:
    """What the board loads."""
    sizes = bench.page("load").items()
    return {f"js_first_load_kib_{screen}": round(kib, 1) for screen, kib in sizes}


def measure_axe(bench: Bench, runs: int) -> dict[str, Any]:
    """Broken rules, each with its page."""
    found = bench.page("axe")
    broken = found["broken"]
    return {"axe_pages": found["pages"], "axe_violations": len(broken), "axe_broken": broken}


def measure_lighthouse(bench: Bench, runs: int) -> dict[str, Any]:
    """Its scores, and the audits below 0.9."""
    scores = bench.page("lighthouse", str(runs), str(bench.folder))
    failed = sorted({one for run in scores for one in run.pop("failed")})
    return {**medians(scores, "lighthouse_mobile_"), "lighthouse_audits_below_90": failed}


def measure_first_bet(bench: Bench, runs: int) -> dict[str, Any]:
    """Seconds to a first bet."""
    return {"first_bet_s": round(median(bench.page("first_bet") for _ in range(runs)), 1)}


def measure_clicks(bench: Bench, runs: int) -> dict[str, Any]:
    """Latencies of the wallet's requests."""
    # Each with a wallet that has no account yet.
    keys = [account_key(WALLET + run) for run in range(runs)]
    node = bench.platform.chain.url
    waits = [bench.page("clicks", node, key, str(CLICKS)) for key in keys]
    return latencies("click_to_signature_request", waits)


def measure_pixels(bench: Bench, runs: int) -> dict[str, Any]:
    """Latencies of painted prices."""
    return latencies("tick_to_pixel", [bench.pixels() for _ in range(runs)])


def measure_board(bench: Bench, runs: int) -> dict[str, Any]:
    """A large board while its odds move."""
    bench.open_more(FIXTURES - len(sample_fixtures()))
    bench.wait_for_odds(FIXTURES)
    return medians([bench.board() for _ in range(runs)], "board_")


def latencies(name: str, runs: Sequence[Sequence[float]]) -> dict[str, float]:
    """The medians over some runs of the median and of p95."""
    return {
        f"{name}_ms_p50": round(median(map(median, runs)), 1),
        f"{name}_ms_p95": round(median(map(p95, runs)), 1),
    }


# In this order: the last one opens fixtures that the others would have to load.
PARTS: dict[str, Callable[[Bench, int], dict[str, Any]]] = {
    "load": measure_load,
    "clicks": measure_clicks,
    "pixels": measure_pixels,
    "first_bet": measure_first_bet,
    "lighthouse": measure_lighthouse,
    "axe": measure_axe,
    "board": measure_board,
}


def main() -> int:
    """Measures, prints and writes RESULTS; the figures of other parts stay as they are."""
    parser = ArgumentParser(
        "python -m bench.web", description=__doc__, formatter_class=RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", metavar="RUNS", type=int, nargs="?", default=RUNS)
    parser.add_argument("parts", metavar="PART", nargs="*", help=", ".join(PARTS))
    asked = parser.parse_args()
    runs, parts = asked.runs, asked.parts or list(PARTS)
    found: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    eve_s = min(fixture.starts_at_s for fixture in sample_fixtures()) - EVE_S
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as name,
        Supervisor(Path(name) / "logs") as supervisor,
    ):
        platform = demo.Platform(supervisor, eve_s, Path(name), free_port(), "anvil")
        platform.start_servers()
        platform.start_services(SEASON, MATCHDAY)
        bench = Bench(platform, Path(name))
        for part in (one for one in PARTS if one in parts):
            before = os.getloadavg()[0]
            figures = PARTS[part](bench, runs)
            figures[f"load_{part}"] = [round(one, 1) for one in (before, os.getloadavg()[0])]
            print(json.dumps(figures, indent=2), flush=True)
            figures[f"runs_{part}"] = runs
            found |= {**figures, "cores": os.cpu_count()}
            RESULTS.write_text(json.dumps(found, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
