"""Reads the facts file row by row. A row that cannot be used is refused with its line and bytes,
and stops no other."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from backend.feed.facts import COLUMNS, MORE_COLUMNS, FactsInvalid, FixtureFacts
from backend.feed.names import is_plain, look_alikes, normalised
from backend.feed.rows import FieldInvalid, read_row

ALIAS_COLUMNS = ("alias", "name")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
SHOWN_BYTES = 200
SHOWN_REFUSALS = 20


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line that is not used: why, and its bytes as the file has them."""

    line: int
    reason: str
    content: bytes

    def __str__(self) -> str:
        shown = self.content[:SHOWN_BYTES]
        cut = "..." if len(self.content) > SHOWN_BYTES else ""
        return f"line {self.line}, {self.reason}; bytes {shown!r}{cut}"


@dataclass(frozen=True, slots=True)
class FactsRead:
    """The fixtures of a file in order of kick-off, then name, and the lines that were refused."""

    fixtures: tuple[FixtureFacts, ...]
    refusals: tuple[Refusal, ...]


def load_facts(path: Path | str) -> tuple[FixtureFacts, ...]:
    """All fixtures of the file. Raises FactsInvalid, which names every refused line, when a single
    row cannot be used."""
    read = read_facts(path)
    if read.refusals:
        shown = [str(refusal) for refusal in read.refusals[:SHOWN_REFUSALS]]
        if len(read.refusals) > SHOWN_REFUSALS:
            shown.append(f"and {len(read.refusals) - SHOWN_REFUSALS} more lines")
        raise FactsInvalid(f"{path}, " + f"\n{path}, ".join(shown))
    return read.fixtures


def read_facts(path: Path | str) -> FactsRead:
    """What the file has. Raises FactsInvalid when there is no file, its columns are not those of
    the facts, or its table of aliases cannot be used."""
    path = Path(path)
    aliases = read_aliases(aliases_file(path))
    lines = _lines(path)
    if not lines:
        raise FactsInvalid(f"{path} has no fixtures; it needs a header and at least one row")
    header = _header(path, lines[0])
    refusals: dict[int, str] = {}
    found: list[FixtureFacts] = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        try:
            found.append(read_row(_fields(header, line), number, aliases))
        except FieldInvalid as error:
            refusals[number] = str(error)
    if not found and not refusals:
        raise FactsInvalid(f"{path} has no fixtures; it needs a header and at least one row")
    kept = _current(found, refusals)
    kept = _without_look_alikes(kept, refusals)
    kept = _without_clashes(kept, refusals)
    return FactsRead(
        tuple(sorted(kept, key=lambda fixture: (fixture.starts_at_s, fixture.name))),
        tuple(Refusal(n, refusals[n], lines[n - 1]) for n in sorted(refusals)),
    )


def aliases_file(path: Path) -> Path:
    """The table of other spellings that belongs to a facts file: `facts.aliases.csv` beside
    `facts.csv`. It may be missing."""
    return path.with_suffix(".aliases.csv")


def changed_ns(path: Path) -> tuple[int, int]:
    """When the file and its aliases last changed; -1 for a file that is missing."""
    files = (path, aliases_file(path))
    first, second = (f.stat().st_mtime_ns if f.exists() else -1 for f in files)
    return first, second


def read_aliases(path: Path) -> Mapping[str, str]:
    """Other spellings and the name to use for each. Raises FactsInvalid."""
    if not path.exists():
        return {}
    lines = _lines(path)
    rows: list[tuple[int, list[str]]] = []
    for number, line in enumerate(lines, start=1):
        try:
            rows.append((number, [normalised(cell) for cell in _cells(line)]))
        except FieldInvalid as error:
            raise FactsInvalid(f"{path}, line {number}, {error}; bytes {line!r}") from error
    if not rows or tuple(rows[0][1]) != ALIAS_COLUMNS:
        raise FactsInvalid(f"{path}, line 1: the columns must be {','.join(ALIAS_COLUMNS)}")
    aliases: dict[str, str] = {}
    for number, row in rows[1:]:
        if not row:
            continue
        if len(row) != len(ALIAS_COLUMNS) or not all(map(is_plain, row)) or row[0] in aliases:
            raise FactsInvalid(f"{path}, line {number}: give an alias once, and its name")
        aliases[row[0]] = row[1]
    for alias, name in aliases.items():
        if name in aliases:
            raise FactsInvalid(f"{path}: {alias!r} stands for {name!r}, which is an alias itself")
    return aliases


def _lines(path: Path) -> list[bytes]:
    try:
        content = path.read_bytes().removeprefix(BYTE_ORDER_MARK)
    except OSError as error:
        raise FactsInvalid(
            f"cannot read the facts file {path}: {error.strerror}; name a readable file"
        ) from error
    lines = [line.removesuffix(b"\r") for line in content.split(b"\n")]
    return lines[:-1] if not lines[-1] else lines


def _header(path: Path, line: bytes) -> Sequence[str]:
    try:
        columns = _cells(line)
    except FieldInvalid as error:
        raise FactsInvalid(
            f"{path} is not UTF-8 text with columns; save it as UTF-8 ({error}; bytes"
            f" {line[:SHOWN_BYTES]!r})"
        ) from error
    unknown = [name for name in columns if name not in (*COLUMNS, *MORE_COLUMNS)]
    if unknown or set(COLUMNS) - set(columns) or len(set(columns)) < len(columns):
        raise FactsInvalid(
            f"{path}, line 1: the columns must be {','.join(COLUMNS)}, and may be"
            f" {','.join(MORE_COLUMNS)}; bytes {line[:SHOWN_BYTES]!r}"
        )
    return columns


def _fields(header: Sequence[str], line: bytes) -> Mapping[str, str]:
    cells = _cells(line)
    if len(cells) != len(header):
        raise FieldInvalid("row", f"has {len(cells)} fields, not {len(header)}")
    return dict(zip(header, cells, strict=True))


def _cells(line: bytes) -> list[str]:
    """The fields of one line: a row never spans two."""
    try:
        return next(csv.reader([line.decode()], strict=True), [])
    except UnicodeDecodeError as error:
        raise FieldInvalid("row", f"byte {error.start + 1} is not UTF-8") from None
    except csv.Error as error:
        raise FieldInvalid("row", f"not a CSV row ({error})") from None


def _current(found: Iterable[FixtureFacts], refusals: dict[int, str]) -> list[FixtureFacts]:
    """The newest revision of each fixture. Of two rows with the same key and revision that differ,
    neither can be believed."""
    current: list[FixtureFacts] = []
    for rows in _grouped(found, lambda fixture: fixture.key):
        newest = max(fixture.revision for fixture in rows)
        latest = [fixture for fixture in rows if fixture.revision == newest]
        if all(replace(fixture, line=0) == replace(latest[0], line=0) for fixture in latest):
            current.append(latest[0])
            repeated = latest[1:]
        else:
            repeated = latest
        for fixture in repeated:
            other = next(one.line for one in latest if one is not fixture)
            refusals[fixture.line] = (
                f"home: {fixture.name!r} is already in line {other}; give two fixtures an id or a"
                " meeting of their own, and a correction a higher revision"
            )
    return current


def _without_look_alikes(
    fixtures: Sequence[FixtureFacts], refusals: dict[int, str]
) -> list[FixtureFacts]:
    similar = look_alikes(club for fixture in fixtures for club in (fixture.home, fixture.away))
    kept: list[FixtureFacts] = []
    for fixture in fixtures:
        for side, club in (("home", fixture.home), ("away", fixture.away)):
            if club in similar:
                refusals[fixture.line] = (
                    f"{side}: {club!r} resembles {similar[club]!r}; correct it, or enter it in the"
                    " table of aliases"
                )
                break
        else:
            kept.append(fixture)
    return kept


def _without_clashes(
    fixtures: Iterable[FixtureFacts], refusals: dict[int, str]
) -> list[FixtureFacts]:
    """Leave out fixtures that share a name: bets on one could be decided by the other."""
    kept: list[FixtureFacts] = []
    for same in _grouped(fixtures, lambda fixture: fixture.name):
        if len(same) == 1:
            kept += same
            continue
        for fixture in same:
            other = next(one.line for one in same if one is not fixture)
            refusals[fixture.line] = (
                f"home: {fixture.name!r} is already in line {other}, as another fixture; number"
                " the later one of the day in the column meeting"
            )
    return kept


def _grouped(
    fixtures: Iterable[FixtureFacts], by: Callable[[FixtureFacts], str]
) -> Iterator[list[FixtureFacts]]:
    groups: dict[str, list[FixtureFacts]] = defaultdict(list)
    for fixture in fixtures:
        groups[by(fixture)].append(fixture)
    yield from groups.values()
