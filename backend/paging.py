"""Reads and writes cursors: texts that name the row after which a page begins."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Query

from backend.problems import BodyMalformed

MAX_PAGE = 200
DEFAULT_PAGE = 50
# Of each number of a cursor: it fits 63 bits.
_DIGITS = "[0-9]{1,18}"

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="Maximum number of rows.")]


def _cursor(numbers: int) -> Any:
    """The parameter of a cursor of so many numbers."""
    pattern = f"^{'-'.join([_DIGITS] * numbers)}$"
    return Query(
        description="`next_cursor` of the page before.", json_schema_extra={"pattern": pattern}
    )


Cursor1 = Annotated[str | None, _cursor(1)]
Cursor2 = Annotated[str | None, _cursor(2)]
Cursor3 = Annotated[str | None, _cursor(3)]


def write_cursor(numbers: Sequence[int]) -> str:
    """The cursor of a row, by the numbers that order it."""
    return "-".join(map(str, numbers))


def read_cursor(cursor: str | None, count: int) -> tuple[int, ...] | None:
    """The numbers of a cursor. Raises BodyMalformed for a text that `write_cursor` cannot have
    written."""
    if cursor is None:
        return None
    if not re.fullmatch("-".join([_DIGITS] * count), cursor):
        raise BodyMalformed(
            "cursor: invalid cursor; leave it out for the first page.", field="query.cursor"
        )
    return tuple(map(int, cursor.split("-")))
