"""Runs the commands on facts files: `python -m backend.feed check` and `import`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from backend.feed.facts import FactsInvalid, FixtureFacts, write_facts
from backend.feed.importers import (
    Imported,
    Source,
    read_football_data,
    read_international,
    read_openfootball,
)
from backend.feed.reading import Refusal, read_facts

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class Form(StrEnum):
    """A form of files that can be imported."""

    FOOTBALL_DATA = "football-data"
    OPENFOOTBALL = "openfootball"
    INTERNATIONAL = "international"


READERS: Mapping[Form, Callable[[bytes, Source], Imported]] = {
    Form.FOOTBALL_DATA: read_football_data,
    Form.OPENFOOTBALL: read_openfootball,
    Form.INTERNATIONAL: read_international,
}


@app.command()
def check(file: Annotated[Path, typer.Argument(help="A facts file.")]) -> None:
    """Name every line that would be refused, with its bytes. Exit code 0 if none is, 1 if some are,
    2 if the file cannot be read at all."""
    raise SystemExit(_check(file))


@app.command("import")
def import_(
    form: Annotated[Form, typer.Argument(help="The form of the files.")],
    files: Annotated[list[Path], typer.Argument(help="The files.")],
    output: Annotated[Path, typer.Option(help="The facts file to write.")],
    competition: Annotated[str, typer.Option(help="Instead of what the files say.")] = "",
    season: Annotated[str, typer.Option(help="Instead of what the files say.")] = "",
    zone: Annotated[str, typer.Option(help="Time zone of local times.")] = "Europe/London",
    time: Annotated[str, typer.Option(help="Local start of matches without a time.")] = "15:00",
) -> None:
    """Write a facts file from files of a public source. Names every match that was refused; the
    others are written, if there are any. Exit codes as for `check`."""
    try:
        source = Source(form.value, ZoneInfo(zone), competition, season, time)
        fixtures: list[FixtureFacts] = []
        refused = 0
        for file in files:
            imported = READERS[form](file.read_bytes(), source)
            fixtures += imported.fixtures
            refused += _print(file, imported.refusals)
        if not fixtures:
            print(
                f"feed: no fixture was read as {form.value}, so {output} is not written: give the"
                f" form of the files ({', '.join(READERS)}).",
                file=sys.stderr,
            )
            raise SystemExit(2)
        write_facts(output, fixtures)
    except (OSError, ZoneInfoNotFoundError) as error:
        print(f"feed: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    print(f"{output}: {len(fixtures)} fixtures, {refused} refused")
    raise SystemExit(max(_check(output), 1 if refused else 0))


def _check(file: Path) -> int:
    try:
        read = read_facts(file)
    except FactsInvalid as error:
        print(f"feed: {error}", file=sys.stderr)
        return 2
    refused = _print(file, read.refusals)
    print(f"{file}: {len(read.fixtures)} fixtures can be used, {refused} lines are refused")
    return 1 if refused else 0


def _print(file: Path, refusals: Sequence[Refusal]) -> int:
    for refusal in refusals:
        print(f"feed: {file}, {refusal}", file=sys.stderr)
    return len(refusals)


if __name__ == "__main__":
    app()
