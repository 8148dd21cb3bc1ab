"""Reads lists page by page. A cursor is an opaque text: it names the row after which a page
begins."""

from __future__ import annotations

import base64
import binascii
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

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="Maximum number of rows.")]
Cursor = Annotated[
    str | None, Query(max_length=100, description="`next_cursor` of the page before.")
]
NextCursor = Annotated[
    str | None,
    Field(
        examples=[examples.CURSOR],
        description="Pass it as `cursor` for the next page; null on the last one.",
    ),
]


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of a page, and the cursor of the next one; None on the last."""

    rows: Sequence[dict[str, Any]]
    next_cursor: str | None


class Paging:
    """The page that a request asks for; a dependency of its route."""

    def __init__(self, limit: Limit = DEFAULT_PAGE, cursor: Cursor = None) -> None:
        self.limit = limit
        self.cursor = cursor

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


PagingDep = Annotated[Paging, Depends()]


def _write_cursor(numbers: Sequence[int]) -> str:
    return base64.urlsafe_b64encode(",".join(map(str, numbers)).encode()).decode().rstrip("=")


def _read_cursor(cursor: str | None, count: int) -> tuple[int, ...] | None:
    """Raises BodyMalformed for a text that `_write_cursor` cannot have written."""
    if cursor is None:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        numbers = tuple(int(word) for word in text.split(","))
    except (ValueError, binascii.Error):
        numbers = ()
    if len(numbers) != count or any(not 0 <= number < 2**63 for number in numbers):
        raise BodyMalformed("cursor: invalid cursor; leave it out for the first page.")
    return numbers
