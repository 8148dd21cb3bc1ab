"""Runs the main job on this machine: `python -m scripts.demo` (or `make demo`)."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx

from backend.feed.facts import FixtureFacts, load_facts, matchday
from scripts.demo import audit, one_by_one, report
from scripts.demo.api_client import ApiClient, Refused
from scripts.demo.chain_reader import ChainReader, History
from scripts.demo.match_day import MatchDay
from scripts.demo.platform import Platform
from scripts.demo.settings import FACTS_FILE, MATCHDAY, SEASON, DemoSettings
from scripts.devnet import DevnetError, Supervisor
from scripts.devnet.paths import ROOT

EVE_WALLETS = 12
BET_EVERY_S = 3.0
EVE_S = 20 * 60 * 60  # the local chain starts so long before the first kick-off


class Stages:
    """Prints what happens and remembers how long each stage took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time one stage."""
        print(f"{name} …", flush=True)
        started = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - started

    @staticmethod
    def say(line: str) -> None:
        """Progress within a stage."""
        print(f"    {line}", flush=True)


def run(settings: DemoSettings) -> int:
    """The whole run, and then the stage for the user. 0 when every check held, 1 otherwise."""
    fixtures = matchday(load_facts(FACTS_FILE), SEASON, MATCHDAY)
    with Supervisor(settings.state / "logs") as supervisor:
        stages = Stages()
        platform = Platform(supervisor, _eve_s(fixtures), settings.state)
        day = _start(settings, platform, stages, fixtures, settings.wallets)
        with stages.stage("betting"):
            day.bet()
        with stages.stage("playing the match day"):
            day.play(sorted({f.starts_at_s for f in fixtures}), len(fixtures))
        with stages.stage("settling"):
            day.settle()
        with stages.stage("withdrawing"):
            day.withdraw()
        passed = _report(settings, stages, day)
        day.api.close()
        if platform.chain.external_url and not settings.once:
            # A chain that is not ours cannot begin again.
            _serve(supervisor, platform, day, bets=False)
    if not platform.chain.external_url and not settings.once:
        _serve_eve(settings, fixtures)
    return 0 if passed else 1


def _serve_eve(settings: DemoSettings, fixtures: tuple[FixtureFacts, ...]) -> None:
    """The eve of the match day once more, on a new chain, with a few bettors: odds to look at that
    live, and time to try things by hand until the kick-off."""
    print("The same eve once more, on a new chain, for you to try:", flush=True)
    with Supervisor(settings.state / "logs") as supervisor:
        platform = Platform(supervisor, _eve_s(fixtures), settings.state)
        day = _start(settings, platform, Stages(), fixtures, EVE_WALLETS)
        _serve(supervisor, platform, day, bets=True)


def _eve_s(fixtures: tuple[FixtureFacts, ...]) -> int:
    return min(fixture.starts_at_s for fixture in fixtures) - EVE_S


def _start(
    settings: DemoSettings,
    platform: Platform,
    stages: Stages,
    fixtures: tuple[FixtureFacts, ...],
    wallets: int,
) -> MatchDay:
    """Everything up to the first bet."""
    with stages.stage("starting servers and the chain"):
        platform.start_servers()
        stages.say(f"{platform.chain.kind} at {platform.chain.url}, a block a second")
    with stages.stage("deploying with Brownie"):
        if not (ROOT / "build" / "contracts").exists():
            stages.say("the contracts are compiled first, which takes half a minute once")
        platform.deploy()
    with stages.stage(f"opening match day {MATCHDAY} of {SEASON}"):
        platform.migrate()
        platform.start_indexer()
        platform.open_markets(SEASON, MATCHDAY)
        kick_off = datetime.fromtimestamp(min(f.starts_at_s for f in fixtures), UTC)
        stages.say(f"{len(fixtures)} fixtures, the first at {kick_off:%Y-%m-%d %H:%M} UTC")
    with stages.stage("starting odds, worker, beat, api"):
        platform.start_services()
        stages.say(f"the page: {platform.api_url}/  the API's reference: {platform.api_url}/docs")
    reader = ChainReader(platform.chain.url, platform.deployment_file)
    api = ApiClient(platform.api_url)
    day = MatchDay(settings, platform.chain, reader, api, platform.database_url, stages.say)
    with stages.stage(f"{wallets} wallets deposit"):
        day.deposit(wallets)
    with stages.stage("pricing"):
        day.wait_for_odds()
    return day


def _report(settings: DemoSettings, stages: Stages, day: MatchDay) -> bool:
    reader = day.reader
    with stages.stage("checking the books"):
        head = int(reader.web3.eth.block_number)
        day.wait_for_mirror(head)
        history = reader.history(head)
        slips = {(p.slip.account, p.slip.nonce): p.slip for p in day.accepted}
        quote_signer = str(reader.parameters["quote_signer"])
        checks = [
            audit.solvent(reader, history),
            audit.paid_once(history, slips, audit.read_scores(FACTS_FILE)),
            audit.mirrored(reader, history, day.select),
            audit.promises_kept(history, day.accepted, day.typed, quote_signer),
        ]
    with stages.stage("the same bets one by one"):
        placed = {(bet.account, bet.nonce) for bet in history.bets.values()}
        kept = [p for p in day.accepted if (p.slip.account, p.slip.nonce) in placed]
        alone = one_by_one.measure(reader, head, kept, settings.state, stages.say)
    figures = _figures(settings, stages, day, history)
    print("\n".join(report.lines(figures, alone, checks)), flush=True)
    report.write(settings.report_file, settings.seed, figures, alone, checks)
    print(f"The same as JSON: {settings.report_file}", flush=True)
    return all(check.passed for check in checks)


def _figures(
    settings: DemoSettings, stages: Stages, day: MatchDay, history: History
) -> report.Figures:
    house, bettors = audit.profit_micro(history.changes)
    return report.Figures(
        wallets=settings.wallets,
        accepted=len(day.accepted),
        accumulators=sum(len(promise.slip.legs) > 1 for promise in day.accepted),
        placed=len(history.bets),
        settled=len(history.payouts),
        refused=len(day.refused),
        refusals=day.refusals(),
        batches=len({batch for batch, _ in history.bets}),
        place_gas=sum(history.gas["place"].values()),
        settle_gas=sum(history.gas["settle"].values()),
        result_gas=sum(history.gas["publish"].values()),
        turnover_micro=sum(bet.stake_micro for bet in history.bets.values()),
        house_profit_micro=house,
        bettors_profit_micro=bettors,
        withdrawals=day.withdrawn,
        stages_s=stages.seconds,
    )


def _serve(supervisor: Supervisor, platform: Platform, day: MatchDay, *, bets: bool) -> None:
    print(
        f"\nThe page: {platform.api_url}/   the API's reference: {platform.api_url}/docs\n"
        f"Logs: {supervisor.logs}/all.log   Ctrl-C stops everything.",
        flush=True,
    )
    due = time.monotonic()

    def bet_now_and_then() -> bool:
        nonlocal due
        if bets and time.monotonic() >= due:
            due = time.monotonic() + BET_EVERY_S
            with contextlib.suppress(httpx.HTTPError, Refused):
                day.bet_once()
        return False

    supervisor.wait(bet_now_and_then)
    print("\nstopping …", flush=True)


def main() -> int:
    """0 all checks held, 1 one did not, 2 the run could not be made, 130 interrupted."""
    try:
        settings = DemoSettings.from_environment()
        return run(settings)
    except DevnetError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
