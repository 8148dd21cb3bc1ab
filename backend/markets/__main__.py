"""Owns the operator's commands on markets: `python -m backend.markets open|suspend|resume|list`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from pydantic import ValidationError
from pydantic_settings import BaseSettings
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import OperationalError, ProgrammingError

from backend.feed.facts import FactsInvalid, load_facts, matchday
from backend.markets import service
from backend.markets.tables import MarketStatus
from backend.markets.words import kind_name, labels
from backend.odds.football import Football
from backend.odds.model import ModelError
from backend.transactions.deployment import (
    Deployment,
    DeploymentInvalid,
    MirrorMissing,
    read_mirror,
)
from protocol.market_id import FIXTURE_BYTES, MARKET_BYTES, MarketId

MIRROR_WAIT_S = 30.0
_MIRROR_LOOK_S = 0.2

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)

Ids = Annotated[
    list[str], typer.Argument(help="0x ids of fixtures (all their markets) or of markets")
]


class DatabaseSettings(BaseSettings):
    """All that looking and suspending need."""

    database_url: str


class OpenSettings(DatabaseSettings):
    """What opening needs: it takes the time as the services do."""

    chain_id: int
    deployment_file: Path
    clock: Literal["wall", "chain"]


@app.command("open")
def open_(
    facts: Annotated[Path, typer.Option(help="the facts file")],
    season: Annotated[str, typer.Option(help="as in 2024-25")],
    matchday_: Annotated[int, typer.Option("--matchday", help="number of the match day")],
) -> None:
    """Open the fixtures of a match day with their markets; those that are open stay as they are."""
    with _refusing():
        settings = OpenSettings()
        known = load_facts(facts)
        wanted = matchday(known, season, matchday_)
        deployment = Deployment.read(settings.deployment_file, settings.chain_id)
        with _engine(settings.database_url) as engine:
            now_s = _now_s(settings, engine, deployment)
            opened = service.open_fixtures(engine, Football(known), wanted, now_s)
    rows = [
        (
            o.facts.name,
            f"{o.facts.kick_off:%Y-%m-%d %H:%M}",
            str(len(o.markets)),
            "started" if o.started else f"{o.new} new",
        )
        for o in opened
    ]
    _table(("fixture", "start, UTC", "markets", ""), rows)


@app.command()
def suspend(ids: Ids) -> None:
    """Take no bets on these until they are resumed."""
    _set(ids, MarketStatus.SUSPENDED)


@app.command()
def resume(ids: Ids) -> None:
    """Take bets on these again."""
    _set(ids, MarketStatus.OPEN)


@app.command("list")
def list_() -> None:
    """All fixtures and markets that were opened."""
    with _refusing(), _engine(DatabaseSettings().database_url) as engine:
        found = service.all_markets(engine)
    rows = []
    for fixture, row in found:
        market = MarketId.unpack(bytes(row.id))
        start = datetime.fromtimestamp(fixture.starts_at_s, UTC)
        words = f"{kind_name(market)}: {', '.join(labels(market))}"
        rows.append(
            (fixture.name, f"{start:%Y-%m-%d %H:%M}", words, row.status, f"0x{row.id.hex()}")
        )
    _table(("fixture", "start, UTC", "market", "status", "id"), rows)


def _set(ids: Sequence[str], status: MarketStatus) -> None:
    with _refusing(), _engine(DatabaseSettings().database_url) as engine:
        changed = service.set_status(engine, [_id(word) for word in ids], status)
    if not changed:
        _refuse("no such fixture or market was opened; `list` shows what there is")
    print(f"{changed} markets are {status.value}")


def _id(word: str) -> bytes:
    try:
        found = bytes.fromhex(word.removeprefix("0x"))
    except ValueError:
        found = b""
    if len(found) not in (FIXTURE_BYTES, MARKET_BYTES):
        _refuse(f"{word} is the id neither of a fixture (16 bytes) nor of a market (32 bytes)")
    return found


def _now_s(settings: OpenSettings, engine: Engine, deployment: Deployment) -> int:
    """The services' time; waits for an indexer that has just been started. Raises MirrorMissing."""
    if settings.clock == "wall":
        return int(time.time())
    until = time.monotonic() + MIRROR_WAIT_S
    while True:
        try:
            return read_mirror(engine, deployment).head_timestamp_s
        except MirrorMissing:
            if time.monotonic() > until:
                raise
            time.sleep(_MIRROR_LOOK_S)


@contextmanager
def _engine(database_url: str) -> Iterator[Engine]:
    made = create_engine(database_url)
    try:
        yield made
    finally:
        made.dispose()


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn what can go wrong into one sentence and exit code 2."""
    try:
        yield
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            name = str(problem["loc"][0]).upper()
            print(f"markets: set {name} in the environment: {problem['msg']}", file=sys.stderr)
        raise SystemExit(2) from None
    except (FactsInvalid, ModelError, DeploymentInvalid, MirrorMissing) as error:
        _refuse(str(error))
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0]
        _refuse(f"the database at DATABASE_URL does not answer: {reason}")
    except ProgrammingError as error:
        reason = str(error.orig).strip().splitlines()[0]
        _refuse(f"{reason}; run the migrations of indexer and backend first")


def _refuse(words: str) -> None:
    print(f"markets: {words}", file=sys.stderr)
    raise SystemExit(2) from None


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    for row in (head, tuple("-" * width for width in widths), *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


if __name__ == "__main__":
    app()
