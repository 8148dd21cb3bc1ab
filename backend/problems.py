"""Owns the form of every refusal that the API gives (RFC 9457); knows no reason of any domain.

A refusal is an exception class with a status, a stable code and a title; its detail says what is
wrong in this case and what to do about it. Amounts in its further members are decimal strings.
"""

from __future__ import annotations

from typing import Any, ClassVar

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from psycopg import InterfaceError, OperationalError
from psycopg.errors import (
    InsufficientPrivilege,
    InvalidSchemaName,
    UndefinedColumn,
    UndefinedTable,
)
from psycopg_pool import PoolClosed, PoolTimeout
from pydantic import BaseModel, ConfigDict, Field
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException

log = structlog.get_logger("api")

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:fairline:problem:"


class ProblemPublic(BaseModel):
    """What a refusal looks like; `code` is stable, the words are for people."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:fairline:problem:odds-moved"])
    title: str = Field(examples=["The odds moved"])
    status: int = Field(examples=[409])
    detail: str = Field(examples=["These legs stand at 1.8500 now, below your least odds of 1.9"])
    code: str = Field(examples=["odds-moved"])


class Problem(Exception):
    """A refusal. `members` are further facts for programs; `retry_after_s` becomes a header."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Something went wrong on our side"

    def __init__(self, detail: str, *, retry_after_s: int | None = None, **members: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.members = members

    def body(self) -> dict[str, Any]:
        """The problem as JSON."""
        return {
            "type": TYPE_PREFIX + self.code,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            **self.members,
        }

    def response(self) -> JSONResponse:
        """The problem as an answer."""
        headers = {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}
        return JSONResponse(self.body(), self.status, headers, MEDIA_TYPE)


class InternalError(Problem):
    """A fault of ours; the log has it."""


class BodyMalformed(Problem):
    """The request is not what this path takes."""

    status = 422
    code = "body-malformed"
    title = "The request cannot be read"


class BodyTooLarge(Problem):
    """More bytes than any request of ours needs."""

    status = 413
    code = "body-too-large"
    title = "The body is too large"


class BodyTooSlow(Problem):
    """The body did not arrive in time."""

    status = 408
    code = "body-too-slow"
    title = "The body took too long"


class NotFound(Problem):
    """Nothing is at this address."""

    status = 404
    code = "not-found"
    title = "There is no such thing here"


class MethodNotAllowed(Problem):
    """The path is there, the method is not."""

    status = 405
    code = "method-not-allowed"
    title = "This path does not take that method"


class RateLimited(Problem):
    """Too many requests."""

    status = 429
    code = "rate-limited"
    title = "Too many requests"


class NotReady(Problem):
    """A part of the house is missing; the detail names it."""

    status = 503
    code = "not-ready"
    title = "The house is not ready"


def responses(*kinds: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """What a route declares about its refusals, for the OpenAPI document."""
    declared: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        entry = declared.setdefault(
            kind.status,
            {
                "model": ProblemPublic,
                "description": "",
                "content": {MEDIA_TYPE: {"examples": {}}},
            },
        )
        words = f"`{kind.code}`: {kind.title}."
        entry["description"] = f"{entry['description']} {words}".strip()
        entry["content"][MEDIA_TYPE]["examples"][kind.code] = {
            "summary": kind.title,
            "value": {
                "type": TYPE_PREFIX + kind.code,
                "title": kind.title,
                "status": kind.status,
                "detail": (kind.__doc__ or kind.title).split("\n")[0],
                "code": kind.code,
            },
        }
    return declared


def install(app: FastAPI) -> None:
    """Make every error of the app a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    for kind in (OperationalError, InterfaceError, PoolTimeout, PoolClosed):
        app.add_exception_handler(kind, _no_database)
    for missing in (UndefinedTable, UndefinedColumn, InvalidSchemaName, InsufficientPrivilege):
        app.add_exception_handler(missing, _not_migrated)
    app.add_exception_handler(RedisError, _no_redis)
    app.add_exception_handler(Exception, _internal)


async def _problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)
    return error.response()


async def _validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part != "body")
    if first["type"] == "json_invalid":
        detail = "The body is not JSON; send one JSON object as application/json."
    elif not where:
        detail = "Send one JSON object, with Content-Type: application/json."
    else:
        detail = f"{where}: {first['msg']}."
    return BodyMalformed(detail, field=where).response()


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    path = request.url.path
    if error.status_code == NotFound.status:
        return NotFound(f"There is nothing at {path}; /docs lists what there is.").response()
    if error.status_code == MethodNotAllowed.status:
        answer = MethodNotAllowed(f"{path} does not take {request.method}.").response()
        answer.headers.update(error.headers or {})
        return answer
    if 400 <= error.status_code < 500:
        return BodyMalformed("The body cannot be read as JSON.").response()
    return InternalError("The fault is in our log; try again later.").response()


async def _no_database(request: Request, error: Exception) -> JSONResponse:
    log.warning("api.database_away", reason=type(error).__name__)
    return NotReady("The database does not answer; try again.", retry_after_s=2).response()


async def _not_migrated(request: Request, error: Exception) -> JSONResponse:
    reason = str(error).splitlines()[0]
    log.warning("api.not_migrated", reason=reason)
    return NotReady(
        "The database lacks tables; run the migrations of indexer and backend.", retry_after_s=5
    ).response()


async def _no_redis(request: Request, error: Exception) -> JSONResponse:
    log.warning("api.redis_away", reason=type(error).__name__)
    return NotReady("Redis does not answer; try again.", retry_after_s=2).response()


async def _internal(request: Request, error: Exception) -> JSONResponse:
    return InternalError("The fault is in our log; try again later.").response()
