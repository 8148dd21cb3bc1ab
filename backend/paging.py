"""Reads and writes cursors: opaque texts that name the row after which a page begins."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated

from fastapi import Query

from backend.problems import BodyMalformed

MAX_PAGE = 200
DEFAULT_PAGE = 50

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="Maximum number of rows.")]
Cursor = Annotated[
    str | None, Query(max_length=100, description="`next_cursor` of the page before.")
]


def write_cursor(numbers: Sequence[int]) -> str:
    """The cursor of a row, by the numbers that order it."""
    return base64.urlsafe_b64encode(",".join(map(str, numbers)).encode()).decode().rstrip("=")


def read_cursor(cursor: str | None, count: int) -> tuple[int, ...] | None:
    """The numbers of a cursor. Raises BodyMalformed for a text that `write_cursor` cannot have
    written."""
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
