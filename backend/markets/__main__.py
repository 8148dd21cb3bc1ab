"""Runs the market commands: `python -m backend.markets open|moves|list|suspend|resume`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import OperationalError, ProgrammingError

from backend.deployment import Deployment, DeploymentInvalid
from backend.feed.facts import FactsInvalid, FixtureFacts, matchday
from backend.feed.reading import FactsRead, read_facts
from backend.markets import moves, service
from backend.markets.finding import Named, listed, matching, with_prefix
from backend.markets.names import kind_name, outcome_labels
from backend.markets.tables import Fixture, Market, MarketStatus
from backend.mirror.deployment import MirrorMissing, read_mirror
from backend.odds.fitting import ModelError
from backend.odds.football import Football
from backend.settings import DatabaseSettings, DeploymentSettings, load_settings
from protocol.database_faults import database_fault, tables_fault
from protocol.market_id import MarketId

MIRROR_WAIT_S = 30.0
# Nothing waits in silence for longer.
SILENCE_S = 2.0
_MIRROR_POLL_S = 0.2

S = TypeVar("S", bound=DatabaseSettings)

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Ids = Annotated[
    list[str],
    typer.Argument(
        help="Fixtures, for all their markets, or markets: the start of an id in hex, or words that"
        " only one fixture's name contains."
    ),
]


@app.command("open")
def open_(
    facts: Annotated[Path, typer.Option(help="The facts file.")],
    season: Annotated[str, typer.Option(help="Season as in the facts, such as 2024-25.")],
    matchday_: Annotated[
        str, typer.Option("--matchday", help="Match day or round as in the facts.")
    ],
    newcomers: Annotated[
        bool, typer.Option(help="Price clubs that the model does not know as promoted ones.")
    ] = False,
) -> None:
    """Open the fixtures of a match day with their markets. Open fixtures keep their markets; a new
    start in the facts is shown with its effect."""
    settings = _settings(DeploymentSettings)
    with _expected_errors():
        known = _facts(facts)
        wanted = matchday(known, season, matchday_)
        deployment = Deployment.read(settings.deployment_file, settings.chain_id)
        with _engine(settings.database_url) as engine:
            now_s = _now_s(settings, engine, deployment)
            opened = service.open_fixtures(
                engine, Football(known), wanted, now_s, newcomers=newcomers
            )
            moves.follow_facts(engine, known)
    rows = [
        (
            fixture.facts.name,
            f"{fixture.facts.kick_off:%Y-%m-%d %H:%M}",
            str(len(fixture.markets)),
            _outcome(fixture),
        )
        for fixture in opened
    ]
    _table(("fixture", "start (UTC)", "markets", "result"), rows)


@app.command("moves")
def moves_(facts: Annotated[Path, typer.Option(help="The facts file.")]) -> None:
    """Show what the facts would change about opened fixtures.

    Says what that means for their bets, and which opened fixtures the file lacks. The worker
    applies it within seconds once its own facts file says so. Exit code 1 if lines of the file were
    refused."""
    with _expected_errors(), _engine(_settings(DatabaseSettings).database_url) as engine:
        read = read_facts(facts)
        _name_refused(facts, read)
        coming = moves.coming_changes(engine, read.fixtures)
        lacking = moves.without_facts(engine, read.fixtures)
    rows = [
        (
            change.name,
            *(_time(at_s) for at_s in (change.announced_s, change.start_s)),
            change.status.value,
            change.effect,
        )
        for change in coming
    ]
    if rows:
        _table(("fixture", "announced (UTC)", "start (UTC)", "status", "effect"), rows)
    else:
        print("nothing changes")
    for name in lacking:
        print(f"{name} is open and not in {facts}: it stays as it is")
    raise SystemExit(1 if read.refusals else 0)


@app.command()
def suspend(ids: Ids) -> None:
    """Stop accepting bets on these markets until they are resumed."""
    _set(ids, MarketStatus.SUSPENDED)


@app.command()
def resume(ids: Ids) -> None:
    """Accept bets on these markets again."""
    _set(ids, MarketStatus.OPEN)


@app.command("list")
def list_() -> None:
    """List all opened fixtures and markets, and why a market is closed."""
    settings = _settings(DeploymentSettings)
    with _expected_errors(), _engine(settings.database_url) as engine:
        deployment = Deployment.read(settings.deployment_file, settings.chain_id)
        now_s = _now_s(settings, engine, deployment)
        found = service.all_markets(engine)
    if not found:
        print("no market is open: `open` opens those of a match day")
        return
    rows = []
    for fixture, row in found:
        market = MarketId.unpack(bytes(row.id))
        start = datetime.fromtimestamp(fixture.starts_at_s, UTC)
        name = f"{kind_name(market)}: {', '.join(outcome_labels(market))}"
        rows.append(
            (
                fixture.name,
                f"{start:%Y-%m-%d %H:%M}",
                name,
                service.shown_status(fixture, row, now_s),
                f"0x{row.id.hex()}",
            )
        )
    _table(("fixture", "start (UTC)", "market", "status", "id"), rows)


def _facts(path: Path) -> tuple[FixtureFacts, ...]:
    """The facts of a file; its refused lines are named on standard error. Raises FactsInvalid."""
    read = read_facts(path)
    _name_refused(path, read)
    return read.fixtures


def _name_refused(path: Path, read: FactsRead) -> None:
    for refusal in read.refusals:
        print(f"markets: {path}, {refusal}", file=sys.stderr)


def _outcome(opened: service.Opened) -> str:
    if opened.unknown:
        clubs = " and ".join(opened.unknown)
        return f"not opened: no match of {clubs} is known; --newcomers prices it as promoted"
    if opened.moved:
        return f"moved: {opened.moved}"
    if opened.started:
        return "started" if opened.facts.accepts_bets else str(opened.facts.status)
    return f"{opened.new} new"


def _time(at_s: int) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d %H:%M}"


def _set(ids: Sequence[str], status: MarketStatus) -> None:
    with _expected_errors(), _engine(_settings(DatabaseSettings).database_url) as engine:
        opened = service.all_markets(engine)
        given = [_id(word, opened) for word in ids]
        changed = service.set_status(engine, given, status)
        closed = service.closed_fixtures(engine, given)
    print(f"{changed} {'market is' if changed == 1 else 'markets are'} now {status.value}")
    for fixture in closed:
        print(f"{fixture.name} accepts no bets all the same: it is {fixture.status}")


def _id(word: str, opened: Sequence[tuple[Fixture, Market]]) -> bytes:
    """The id of the fixture, or else of the market, that a word means."""
    fixtures = dict.fromkeys(Named(bytes(fixture.id), fixture.name) for fixture, _ in opened)
    found = matching(word, list(fixtures))
    if not found:
        markets = [Named(bytes(market.id), fixture.name) for fixture, market in opened]
        found = with_prefix(word, markets)
    if not found:
        _fail(f"no opened fixture or market matches {word!r}; `list` shows all of them")
    if len(found) > 1:
        _fail(f"{len(found)} match {word!r}: {listed(found)}")
    return found[0].id


def _now_s(settings: DeploymentSettings, engine: Engine, deployment: Deployment) -> int:
    """The time of the clock that the services follow. Waits for an indexer that was just started.
    Raises MirrorMissing."""
    if settings.clock == "wall":
        return int(time.time())
    give_up_s = time.monotonic() + MIRROR_WAIT_S
    say_s = time.monotonic() + SILENCE_S
    while True:
        try:
            return read_mirror(engine, deployment).head_timestamp_s
        except MirrorMissing:
            if time.monotonic() > give_up_s:
                raise
            if time.monotonic() > say_s:
                print("markets: waiting for the indexer's first block", file=sys.stderr)
                say_s = give_up_s
            time.sleep(_MIRROR_POLL_S)


def _settings(kind: type[S]) -> S:
    return load_settings(kind, "markets")


@contextmanager
def _engine(database_url: str) -> Iterator[Engine]:
    made = create_engine(database_url)
    try:
        yield made
    finally:
        made.dispose()


@contextmanager
def _expected_errors() -> Iterator[None]:
    """Turn expected errors into one sentence and exit code 2."""
    try:
        yield
    except (FactsInvalid, ModelError, DeploymentInvalid, MirrorMissing) as error:
        _fail(str(error))
    except OperationalError as error:
        _fail(database_fault(error.orig))
    except ProgrammingError as error:
        _fail(tables_fault(error.orig))


def _fail(reason: str) -> NoReturn:
    print(f"markets: {reason}", file=sys.stderr)
    raise SystemExit(2) from None


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    for row in (head, tuple("-" * width for width in widths), *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


if __name__ == "__main__":
    app()
