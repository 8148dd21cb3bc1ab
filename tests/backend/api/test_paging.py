"""Every list of an account is read page by page in the same way.

Branches: the first page · the following ones, without a gap or a row twice · a last page that is
full, or not · a row that comes while a reader turns the pages · cursors of other lists, and others.
"""

from __future__ import annotations

import ast
import base64
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.database import Database
from backend.paging import Page, Paging
from backend.problems import BodyMalformed
from backend.services import Services
from tests.backend.api.bettors import Bettor, signed
from tests.backend.api.client import is_problem

ROUTES = sorted((Path(__file__).resolve().parents[3] / "backend").glob("*/routes.py"))
LISTS = ("movements", "withdrawals", "slips", "bets")

# Rows in the order of a, then of b, the newest first.
STATEMENT = """
SELECT n / 10 AS a, n %% 10 AS b FROM generate_series(1, %(last)s) n
WHERE %(a)s::int IS NULL OR (n / 10, n %% 10) < (%(a)s::int, %(b)s::int)
ORDER BY n DESC LIMIT %(limit)s
"""


async def read(database: Database, limit: int, cursor: str | None, last: int = 25) -> Page:
    return await Paging(limit, cursor).read(database, STATEMENT, {"last": last}, ("a", "b"))


def numbers(page: Page) -> list[int]:
    return [10 * row["a"] + row["b"] for row in page.rows]


@pytest.mark.parametrize("limit", [1, 5, 7, 24, 25, 26])
async def test_pages_have_every_row_once(services: Services, limit: int) -> None:
    found: list[int] = []
    cursor: str | None = None
    pages = 0
    while pages == 0 or cursor is not None:
        page = await read(services.database, limit, cursor)
        pages += 1
        found += numbers(page)
        cursor = page.next_cursor
        assert cursor is None or len(page.rows) == limit
    assert found == list(range(25, 0, -1))
    assert pages == -(-25 // limit)


async def test_row_that_comes_meanwhile_moves_no_page(services: Services) -> None:
    first = await read(services.database, 10, None)
    second = await read(services.database, 10, first.next_cursor, last=31)
    assert numbers(second) == list(range(15, 5, -1))


async def test_empty_list_is_a_last_page(services: Services) -> None:
    page = await read(services.database, 10, None, last=0)
    assert (page.rows, page.next_cursor) == ([], None)


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor", ["nonsense", "é", "", encoded("1"), encoded("1,2,3"), encoded("1,-2"), encoded("1,x")]
)
async def test_other_cursor_is_refused(services: Services, cursor: str) -> None:
    with pytest.raises(BodyMalformed, match="cursor"):
        await read(services.database, 10, cursor)


@pytest.mark.parametrize("name", LISTS)
async def test_every_list_takes_limit_and_cursor(
    api: httpx.AsyncClient, bettor: Bettor, name: str
) -> None:
    assert (await api.post("/v1/slips", json=signed(bettor))).status_code == 201
    page = (await api.get(f"/v1/accounts/7/{name}")).json()
    assert list(page) == [name, "next_cursor"]
    assert page["next_cursor"] is None
    for query in ("limit=0", "limit=201", "cursor=nonsense", f"cursor={'1' * 101}"):
        answer = await api.get(f"/v1/accounts/7/{name}?{query}")
        is_problem(answer, 422, "body-malformed")


async def test_document_describes_every_list_alike(api: httpx.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()
    described: list[list[Any]] = []
    for name in LISTS:
        operation = document["paths"][f"/v1/accounts/{{account}}/{name}"]["get"]
        paging = [p for p in operation["parameters"] if p["name"] in ("limit", "cursor")]
        # How many numbers a cursor has is each list's own.
        assert paging[1]["schema"].pop("pattern").startswith("^[0-9]")
        described.append(paging)
    assert [p["name"] for p in described[0]] == ["limit", "cursor"]
    assert all(parameters == described[0] for parameters in described)


@pytest.mark.parametrize("path", ROUTES, ids=lambda path: path.parent.name)
def test_no_route_pages_by_itself(path: Path) -> None:
    names = {
        node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)
    }
    assert not names & {"cursor", "limit", "write_cursor", "read_cursor"}
