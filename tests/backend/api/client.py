"""Calls the API of a test in its own process, and waits for what it does."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import httpx

from backend.app import build
from backend.problems import Problem, ProblemPublic
from backend.services import Services


def client(services: Services) -> httpx.AsyncClient:
    """A client of an app over these services."""
    transport = httpx.ASGITransport(build(services), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://api")


def declared_members(code: str) -> set[str]:
    """The further members that a problem of this code is declared to have."""
    waiting = [Problem]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.code == code:
            return set(kind.extra)
    raise AssertionError(f"no problem has the code {code}")


async def until(check: Callable[[], Any], timeout_s: float = 10.0) -> None:
    """Wait until a check, plain or awaitable, holds."""
    async with asyncio.timeout(timeout_s):
        while True:
            found = check()
            if inspect.isawaitable(found):
                found = await found
            if found:
                return
            await asyncio.sleep(0.02)


def is_problem(answer: httpx.Response, status: int, code: str) -> None:
    """Asserts that an answer is a problem of this status and code."""
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["status"] == status
    assert body["type"] == f"urn:fairline:problem:{code}"
    assert body["title"]
    assert body["detail"]
    assert set(body) - set(ProblemPublic.model_fields) <= declared_members(code)
