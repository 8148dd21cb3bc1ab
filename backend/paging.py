"""Reads lists page by page. A cursor is a text that names the row after which a page begins."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import Field

from backend import examples
from backend.database import Database
from backend.problems import BodyMalformed

MAX_PAGE = 200
DEFAULT_PAGE = 50
# Of each number of a cursor: it fits 63 bits.
_DIGITS = "[0-9]{1,18}"

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="Maximum number of rows.")]
NextCursor = Annotated[
    str | None,
    Field(
        examples=[examples.CURSOR],
        description="Pass it as `cursor` for the next page; null on the last one.",
    ),
]


def _cursor(numbers: int) -> Any:
    """The parameter of a cursor of so many numbers."""
    pattern = f"^{'-'.join([_DIGITS] * numbers)}$"
    return Query(
        description="`next_cursor` of the page before.", json_schema_extra={"pattern": pattern}
    )


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of a page, and the cursor of the next one; None on the last."""

    rows: Sequence[dict[str, Any]]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Paging:
    """The page that a request asks for."""

    limit: int
    cursor: str | None

    async def read(
        self,
        database: Database,
        statement: str,
        parameters: Mapping[str, Any],
        order: Sequence[str],
    ) -> Page:
        """The page of what a statement finds, in the order of the columns `order`. The statement's
        parameters of these names are those of the last row of the page before, or None on the
        first; `limit` is how many rows it may find. Raises BodyMalformed for another cursor."""
        after = _read_cursor(self.cursor, len(order)) or (None,) * len(order)
        own = dict(zip(order, after, strict=True))
        # One more than the page has says whether there is another page.
        rows = await database.rows(statement, {**parameters, **own, "limit": self.limit + 1})
        page = rows[: self.limit]
        if len(rows) == len(page):
            return Page(page, None)
        return Page(page, _write_cursor([page[-1][column] for column in order]))


Cursor1 = Annotated[str | None, _cursor(1)]
Cursor2 = Annotated[str | None, _cursor(2)]
Cursor3 = Annotated[str | None, _cursor(3)]


def _by_one(limit: Limit = DEFAULT_PAGE, cursor: Cursor1 = None) -> Paging:
    return Paging(limit, cursor)


def _by_two(limit: Limit = DEFAULT_PAGE, cursor: Cursor2 = None) -> Paging:
    return Paging(limit, cursor)


def _by_three(limit: Limit = DEFAULT_PAGE, cursor: Cursor3 = None) -> Paging:
    return Paging(limit, cursor)


# Dependencies of a route, by how many columns order its list.
PagingByOne = Annotated[Paging, Depends(_by_one)]
PagingByTwo = Annotated[Paging, Depends(_by_two)]
PagingByThree = Annotated[Paging, Depends(_by_three)]


def _write_cursor(numbers: Sequence[int]) -> str:
    return "-".join(map(str, numbers))


def _read_cursor(cursor: str | None, count: int) -> tuple[int, ...] | None:
    """Raises BodyMalformed for a text that `_write_cursor` cannot have written."""
    if cursor is None:
        return None
    if not re.fullmatch("-".join([_DIGITS] * count), cursor):
        raise BodyMalformed(
            "cursor: invalid cursor; leave it out for the first page.", field="query.cursor"
        )
    return tuple(map(int, cursor.split("-")))
