"""Runs Fairline on this machine through one match day: `python -m scripts.demo` (`make demo`).

The page is served from the first minute, on the chain of the match day. After the report nothing is
left to bet on there, so the demo restarts on the evening before the matches, on a new chain at the
same address, until Ctrl-C.
"""

from __future__ import annotations

import contextlib
import sys
import time
from datetime import UTC, datetime

import httpx

from backend.feed.facts import FixtureFacts
from scripts.command_help import no_arguments
from scripts.demo import audit, one_by_one, report
from scripts.demo.api_client import ApiClient, Refused
from scripts.demo.chain_reader import ChainReader, History
from scripts.demo.match_day import MatchDay
from scripts.demo.mirror import Mirror
from scripts.demo.platform import DATABASE, Platform
from scripts.demo.settings import DemoSettings
from scripts.demo.stages import Stages
from scripts.devnet import DevnetError, Supervisor
from scripts.devnet.sample import EVE_S, FACTS_FILE, MATCHDAY, SEASON
from scripts.devnet.sample import fixtures as sample_fixtures

VARIABLES = """\
environment:
  CHAIN           ganache (default) or anvil
  WALLETS, BETS   number of wallets (60) and of accepted bets (520)
  SEED            random seed (38)
  ONCE=1          exit after the report, with 0 if every check passed
  API_PORT        port of the page (8000, or a free one)
  RPC_URL, DATABASE_URL, REDIS_URL  use these servers instead of starting some
  REPORT_FILE     where to write the report as JSON (.devnet/demo/report.json)
"""
EVE_WALLETS = 12
BET_EVERY_S = 3.0


def run(settings: DemoSettings) -> int:
    """Plays, reports, and serves until Ctrl-C unless `settings.once`. Returns 0 when every check
    passed, 1 otherwise."""
    fixtures = sample_fixtures()
    with Supervisor(settings.state / "logs") as supervisor:
        stages = Stages()
        platform = Platform(supervisor, _eve_s(fixtures), settings.state)
        day = _start(settings, platform, stages, fixtures)
        _say_where(supervisor, platform, settings.once)
        with stages.stage(f"{settings.wallets} wallets deposit"):
            day.deposit(settings.wallets)
        with stages.stage("betting"):
            day.bet(settings.bets)
        with stages.stage("playing the match day"):
            day.play(sorted({f.starts_at_s for f in fixtures}), len(fixtures))
        with stages.stage("settling"):
            day.settle()
        with stages.stage("withdrawing"):
            day.withdraw()
        passed = _report(settings, stages, day)
        if platform.chain.external_url and not settings.once:
            # A chain we did not start cannot be restarted.
            _serve(supervisor, platform, day, bets=False)
        day.api.close()
    if not platform.chain.external_url and not settings.once:
        _serve_eve(settings, fixtures, platform.api_port)
    return 0 if passed else 1


def _serve_eve(settings: DemoSettings, fixtures: tuple[FixtureFacts, ...], api_port: int) -> None:
    """Restarts on the evening before the matches, on a new chain, with a few bettors who keep
    betting, so that a visitor sees live odds and can try things until kick-off."""
    print(
        "Restarting on the evening before the matches, on a new chain, so that you can try it:",
        flush=True,
    )
    with Supervisor(settings.state / "logs") as supervisor:
        stages = Stages()
        platform = Platform(supervisor, _eve_s(fixtures), settings.state, api_port)
        day = _start(settings, platform, stages, fixtures)
        with stages.stage(f"{EVE_WALLETS} wallets deposit"):
            day.deposit(EVE_WALLETS)
        _serve(supervisor, platform, day, bets=True)


def _eve_s(fixtures: tuple[FixtureFacts, ...]) -> int:
    return min(fixture.starts_at_s for fixture in fixtures) - EVE_S


def _start(
    settings: DemoSettings,
    platform: Platform,
    stages: Stages,
    fixtures: tuple[FixtureFacts, ...],
) -> MatchDay:
    """Starts everything that the page with live odds needs."""
    with stages.stage("starting servers, deploying the contracts with Brownie"):
        if platform.drops_database_elsewhere:
            stages.say(f"dropping and recreating the database {DATABASE} at DATABASE_URL")
        platform.start_servers(stages.say)
        stages.say(f"{platform.chain.kind} at {platform.chain.url}, one block per second")
    with stages.stage(f"opening match day {MATCHDAY} of {SEASON}, starting the five services"):
        platform.start_services(SEASON, MATCHDAY)
        kick_off = datetime.fromtimestamp(min(f.starts_at_s for f in fixtures), UTC)
        stages.say(f"{len(fixtures)} fixtures, the first at {kick_off:%Y-%m-%d %H:%M} UTC")
    day = MatchDay(
        settings.seed,
        platform.chain,
        ChainReader(platform.chain.url, platform.deployment_file),
        ApiClient(platform.api_url),
        Mirror(platform.database_url),
        stages.say,
    )
    with stages.stage("waiting for odds for every fixture"):
        day.wait_for_odds()
    return day


def _say_where(supervisor: Supervisor, platform: Platform, once: bool) -> None:
    then = (
        "The match day is now running. Everything stops after the report."
        if once
        else "The match day is now running. After the report the demo restarts before kick-off."
    )
    print(
        f"\nThe page with live odds: {platform.api_url}/\n"
        f"The API reference:       {platform.api_url}/docs\n"
        f"{then}\n"
        f"Logs: {supervisor.logs}/all.log   Ctrl-C stops everything.\n",
        flush=True,
    )


def _report(settings: DemoSettings, stages: Stages, day: MatchDay) -> bool:
    reader = day.reader
    with stages.stage("running the checks"):
        head = int(reader.web3.eth.block_number)
        day.mirror.wait_for_block(head)
        history = reader.history(head)
        accepted = day.betting.accepted
        slips = {(a.slip.account, a.slip.nonce): a.slip for a in accepted}
        receipt_signer = str(reader.parameters["receipt_signer"])
        visitors = history.owners.keys() - {wallet.account for wallet in day.betting.wallets}
        checks = [
            audit.solvent(reader, history),
            audit.paid_once(history, slips, audit.read_scores(FACTS_FILE), visitors),
            audit.mirrored(reader, history, day.mirror.select),
            audit.slips_placed(history, accepted, day.betting.typed, receipt_signer, visitors),
        ]
    with stages.stage("sending the same bets one by one on a second chain"):
        placed = {(bet.account, bet.nonce) for bet in history.bets.values()}
        kept = [a for a in accepted if (a.slip.account, a.slip.nonce) in placed]
        alone = one_by_one.measure(reader, head, kept, settings.state, stages.say)
    figures = _figures(settings, stages, day, history)
    print("\n".join(report.lines(figures, alone, checks)), flush=True)
    report.write(settings.report_file, settings.seed, figures, alone, checks)
    print(f"JSON report: {settings.report_file}", flush=True)
    return all(check.passed for check in checks)


def _figures(
    settings: DemoSettings, stages: Stages, day: MatchDay, history: History
) -> report.Figures:
    house, bettors = audit.profit_micro(history.changes)
    return report.Figures(
        wallets=settings.wallets,
        accepted=len(day.betting.accepted),
        accumulators=sum(len(accepted.slip.legs) > 1 for accepted in day.betting.accepted),
        placed=len(history.bets),
        settled=len(history.payouts),
        refused=len(day.betting.refused),
        refusals=day.betting.refusals(),
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
        f"\nThe page with live odds: {platform.api_url}/\n"
        f"The API reference:       {platform.api_url}/docs\n"
        f"Logs: {supervisor.logs}/all.log   Ctrl-C stops everything.",
        flush=True,
    )
    due = time.monotonic()

    def bet_now_and_then() -> bool:
        nonlocal due
        if bets and time.monotonic() >= due:
            due = time.monotonic() + BET_EVERY_S
            with contextlib.suppress(httpx.HTTPError, Refused):
                day.betting.bet_once()
        return False

    supervisor.wait(bet_now_and_then)
    print("\nstopping …", flush=True)


def main() -> int:
    """Exit code 0: all checks passed, 1: one failed, 2: the run failed, 130: interrupted."""
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
    no_arguments("python -m scripts.demo", __doc__, VARIABLES)
    sys.exit(main())
