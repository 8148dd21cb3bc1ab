"""Plays rounds of bets and faults: `python -m scripts.chaos` (`make chaos ROUNDS=30`).

Rounds share a house until its match day is played, or a round fails: the next one gets a new house.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
import sys
import time

from scripts.chaos import report
from scripts.chaos.house import House
from scripts.chaos.plan import RoundPlan, plan_round
from scripts.chaos.recovery import wait_until_well
from scripts.chaos.round import Round, RoundResult
from scripts.chaos.settings import ChaosSettings
from scripts.command_help import no_arguments
from scripts.devnet import DevnetError
from scripts.devnet.chain import Kind

VARIABLES = """\
environment:
  ROUNDS          number of rounds (10)
  SEED            seed of the first round; the next ones have the numbers after it (random)
  CHAIN           both (default: a new house takes the other one), anvil or ganache
  STATE_FOLDER    where servers and logs are (.devnet/chaos)
  REPORT_FILE     where to write the report as JSON (report.json in that folder)
"""


class Run:
    """All rounds, one after another; `results` has those that have ended."""

    def __init__(self, settings: ChaosSettings) -> None:
        self.results: list[RoundResult] = []
        self._settings = settings
        self._started = time.monotonic()

    def play(self) -> None:
        """Plays every round. Raises DevnetError when a house does not start."""
        settings = self._settings
        plans = [plan_round(settings.seed + number) for number in range(settings.rounds)]
        kinds = itertools.cycle(settings.chains)
        for number in itertools.count(1):
            if len(self.results) == len(plans):
                return
            self._one_house(number, next(kinds), plans[len(self.results) :])

    def _one_house(self, number: int, kind: Kind, plans: list[RoundPlan]) -> None:
        """Plays rounds in a new house, as many as it lasts for. Its folder is kept if one fails."""
        self._say(f"house {number} starts, on {kind}")
        folder = self._settings.state / f"house-{number}"
        failed = False
        with House(folder, kind, plans[0].seed) as house:
            wait_until_well(house)
            for plan in plans:
                played = Round(house, plan, len(self.results) + 1, self._say_of_round)
                self._say(f"round {played.result.number} of {self._settings.rounds}: {plan.seed}")
                result = played.play()
                self.results.append(result)
                failed = not result.passed
                for failure in result.failures:
                    self._say_of_round(f"FAILED: {failure}")
                if failed or house.played:
                    break
        if not failed:
            with contextlib.suppress(OSError):
                shutil.rmtree(folder)

    def _say(self, line: str) -> None:
        print(f"[{time.monotonic() - self._started:5.0f} s] {line}", flush=True)

    def _say_of_round(self, line: str) -> None:
        self._say(f"  {line}")


def run(settings: ChaosSettings) -> int:
    """Plays, and reports also what was interrupted. Returns 0 when every round held, else 1."""
    print(
        f"SEED={settings.seed}: {settings.rounds} rounds with the seeds {settings.seed} to"
        f" {settings.seed + settings.rounds - 1}",
        flush=True,
    )
    played = Run(settings)
    try:
        played.play()
    finally:
        print("\n".join(report.lines(played.results, settings.rounds)), flush=True)
        report.write(settings.report_file, played.results, settings.rounds)
        print(f"JSON report: {settings.report_file}", flush=True)
    return 0 if report.passed(played.results, settings.rounds) else 1


def main() -> int:
    """Exit code 0: every round held, 1: one failed, 2: the run failed, 130: interrupted."""
    try:
        return run(ChaosSettings.from_environment())
    except DevnetError as error:
        print(f"chaos: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    no_arguments("python -m scripts.chaos", __doc__, VARIABLES)
    sys.exit(main())
