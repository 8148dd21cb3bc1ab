"""Runs a devnet until Ctrl-C (`make devnet`), or changes the one that runs.

With no command it starts PostgreSQL, Redis and a chain with one block per second, deploys the
contracts, and prints accounts, addresses and the file to source.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence

from scripts.devnet.commands import Commands
from scripts.devnet.devnet import Devnet
from scripts.devnet.devnet_settings import DevnetSettings
from scripts.devnet.errors import DevnetError
from scripts.devnet.record import meant, sole_user
from scripts.devnet.supervisor import Supervisor

VARIABLES = """\
environment, of the start:
  CHAIN         ganache (default) or anvil
  START         now (default), eve (the day before a match day of the sample), or a time in UTC
  RESET=1       remove chain, database and deployment of the last run; without it they go on
  SERVICES=1    start the five services too; on the eve with the match day open
  RPC_PORT, REDIS_PORT, API_PORT    ports; without them 8545 and 6379, or others if these are
                                    taken, and 8000, which SERVICES=1 needs
  RPC_URL, DATABASE_URL, REDIS_URL  use these servers instead of starting some
  STATE_FOLDER      where all is kept; each devnet has a folder of its own
  DEPLOYMENT_FILE   the deployment; without it contracts/deployments/<chain id>.json, or
                    deployments/<chain id>.json in a STATE_FOLDER
"""


def run(settings: DevnetSettings) -> int:
    """Serves until Ctrl-C."""
    with sole_user(settings.state):
        devnet: Devnet | None = None
        try:
            with Supervisor(settings.state / "logs") as supervisor:
                devnet = Devnet(settings, supervisor, say)
                try:
                    devnet.start()
                    devnet.serve()
                    devnet.watch()
                finally:
                    if supervisor.has_started:
                        say("\nStopping …")
        finally:
            if devnet is not None:
                devnet.close()
    return 0


def say(line: str) -> None:
    print(line, flush=True)


def parser() -> argparse.ArgumentParser:
    parsed = argparse.ArgumentParser(
        prog="python -m scripts.devnet",
        description=__doc__,
        epilog=VARIABLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parsed.add_subparsers(dest="command", metavar="COMMAND")
    travel = commands.add_parser("travel", help="move the chain's clock forward")
    travel.add_argument(
        "when", help="a length (90s, 10m, 1h30m, 1d), or a time in UTC (2025-05-25T15:00:00Z)"
    )
    mint = commands.add_parser("mint", help="give an address test tokens, and coins for gas")
    mint.add_argument("address")
    mint.add_argument("tokens", help="tokens, such as 1000 or 0.5")
    commands.add_parser("snapshot", help="remember the state of chain and database")
    revert = commands.add_parser("revert", help="return to a snapshot")
    revert.add_argument(
        "snapshot",
        metavar="SNAPSHOT",
        help="what `snapshot` printed, such as 0x1; it lasts until the devnet stops",
    )
    return parsed


def with_values(words: Sequence[str]) -> list[str]:
    """The words of a command, among which "-1h" is a value and no option."""
    at = next((at for at, word in enumerate(words) if re.match(r"-\d", word)), None)
    return list(words) if at is None else [*words[:at], "--", *words[at:]]


def change(arguments: argparse.Namespace) -> str:
    """Runs a command on the devnet that runs; returns what it answers, and which devnet that is."""
    record = meant()
    return f"{answer(Commands(record), arguments)}\n(the devnet at RPC_URL={record.rpc_url})"


def answer(commands: Commands, arguments: argparse.Namespace) -> str:
    if arguments.command == "travel":
        return commands.travel(arguments.when)
    if arguments.command == "mint":
        return commands.mint(arguments.address, arguments.tokens)
    if arguments.command == "revert":
        return commands.revert(arguments.snapshot)
    return commands.snapshot()


def main() -> int:
    """Exit code 0: done. 2: refused. 130: interrupted while starting."""
    arguments = parser().parse_args(with_values(sys.argv[1:]))
    try:
        if arguments.command is None:
            return run(DevnetSettings.from_environment())
        say(change(arguments))
    except DevnetError as error:
        print(f"devnet: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
