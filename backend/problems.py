"""Turns every error of the API into a problem (RFC 9457); each folder defines its own refusals.

A refusal is an exception class with a status, a stable code and a title. Its detail says what is
wrong in this case and what to do about it. Amounts in its further members are decimal strings.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import cache
from typing import Any, ClassVar, Literal, Union, cast

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
from pydantic import BaseModel, ConfigDict, Field, create_model
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

log = structlog.get_logger("api")

MIRROR_MISSING = "The mirror has no block of this deployment yet; start the indexer."
BANKROLL_MISSING = "The mirror does not show a bankroll yet."

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:fairline:problem:"
# What FastAPI answers when a body cannot be read, and nothing else.
_UNREADABLE_BODY = 400


class ProblemPublic(BaseModel):
    """A refusal. `code` is stable and meant for programs; `title` and `detail` are for people and
    may change."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:fairline:problem:odds-moved"])
    title: str = Field(examples=["Odds moved"])
    status: int = Field(examples=[409])
    detail: str = Field(
        examples=[
            "The odds are now 1.85, below your minimum of 1.9; to accept them, sign a slip with a"
            " lower minimum."
        ]
    )
    code: str = Field(examples=["odds-moved"])


class Problem(Exception):
    """An error that is reported to the client. `members` are further facts for programs;
    `retry_after_s` becomes a header."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Internal error"
    # Further members that it can have, each with an example.
    extra: ClassVar[Mapping[str, Any]] = {}
    headers: ClassVar[Mapping[str, str]] = {}

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
        """The problem as an HTTP response."""
        headers = dict(self.headers)
        if self.retry_after_s is not None:
            headers["Retry-After"] = str(self.retry_after_s)
        return JSONResponse(self.body(), self.status, headers, MEDIA_TYPE)


class Refused(Problem):
    """A well-formed request that is refused; nothing was changed."""

    status: ClassVar[int] = 409


class InternalError(Problem):
    """A fault of the server; its log has the details."""


class BodyMalformed(Problem):
    """The body or a parameter does not have the documented form."""

    status = 422
    code = "body-malformed"
    title = "Invalid body or parameter"
    extra: ClassVar[Mapping[str, Any]] = {"field": "stake_micro"}


class BodyTooLarge(Problem):
    """The body exceeds the size limit."""

    status = 413
    code = "body-too-large"
    title = "Request body too large"


class BodyTooSlow(Problem):
    """The body did not arrive in time."""

    status = 408
    code = "body-too-slow"
    title = "Request body timed out"


class HeadersTooLarge(Problem):
    """The request has too many headers, or too long ones."""

    status = 431
    code = "headers-too-large"
    title = "Request headers too large"


class HeadersTooSlow(Problem):
    """The headers of the request did not arrive in time."""

    status = 408
    code = "headers-too-slow"
    title = "Request headers timed out"


class RequestMalformed(Problem):
    """The request does not follow HTTP/1.1, or could be read in two ways."""

    status = 400
    code = "request-malformed"
    title = "Malformed HTTP request"


class RequestRefused(Problem):
    """The server refuses the request for a reason that has no code of its own."""

    status = 400
    code = "request-refused"
    title = "Request refused"


class MediaTypeUnsupported(Problem):
    """The body is not JSON, or is compressed."""

    status = 415
    code = "media-type-unsupported"
    title = "Unsupported media type"


class NotFound(Problem):
    """Nothing exists under this path or id."""

    status = 404
    code = "not-found"
    title = "Not found"


class MethodNotAllowed(Problem):
    """The path does not support this method."""

    status = 405
    code = "method-not-allowed"
    title = "Method not allowed"


class UpgradeRequired(Problem):
    """This path serves only WebSocket connections."""

    status = 426
    code = "upgrade-required"
    title = "Upgrade required"
    headers: ClassVar[Mapping[str, str]] = {"Upgrade": "websocket"}


class RateLimited(Problem):
    """The rate limit was exceeded; `Retry-After` says when to try again."""

    status = 429
    code = "rate-limited"
    title = "Too many requests"


class NotReady(Problem):
    """A part of the service is unavailable or busy; the detail says what is known."""

    status = 503
    code = "not-ready"
    title = "Service not ready"
    extra: ClassVar[Mapping[str, Any]] = {
        "missing": ["Redis at REDIS_URL does not answer."],
        "blocks_slips": ["Redis at REDIS_URL does not answer."],
        "blocks_withdrawals": ["The database at DATABASE_URL does not answer."],
        "blocks_cash_outs": ["Redis at REDIS_URL does not answer."],
    }


# What a route that takes a body can say of it.
BODY_REFUSALS: tuple[type[Problem], ...] = (
    BodyMalformed,
    BodyTooLarge,
    BodyTooSlow,
    MediaTypeUnsupported,
)


def busy(retry_after_s: int = 1) -> NotReady:
    """The refusal when a lock was not free in time, or too many wait."""
    return NotReady("The server is busy; try again.", retry_after_s=max(1, retry_after_s))


def internal_error() -> InternalError:
    """The answer to an error that nobody expects."""
    return InternalError("The error was logged; try again later.")


def mirror_missing() -> NotReady:
    """The refusal while the mirror has no block of our deployment."""
    return NotReady(MIRROR_MISSING, retry_after_s=2)


def bankroll_missing() -> NotReady:
    """The refusal while the mirror shows no bankroll that could pay."""
    return NotReady(BANKROLL_MISSING, retry_after_s=2)


def responses(*kinds: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """The refusals of a route, as the OpenAPI document declares them."""
    declared: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        entry = declared.setdefault(
            kind.status,
            {
                "description": "",
                "content": {MEDIA_TYPE: {"examples": {}}},
            },
        )
        line = f"`{kind.code}`: {kind.title}."
        entry["description"] = f"{entry['description']} {line}".strip()
        entry["content"][MEDIA_TYPE]["examples"][kind.code] = {
            "summary": kind.title,
            "value": {
                "type": TYPE_PREFIX + kind.code,
                "title": kind.title,
                "status": kind.status,
                "detail": " ".join((kind.__doc__ or kind.title).split()),
                "code": kind.code,
                **kind.extra,
            },
        }
    for status, entry in declared.items():
        models = tuple(_model(cast(Hashable, kind)) for kind in kinds if kind.status == status)
        entry["model"] = Union[models]  # noqa: UP007 - of a tuple
    return declared


@cache
def _model(kind: type[Problem]) -> type[ProblemPublic]:
    """The schema of one kind of problem: its constants, and the members that it can have."""
    fields: dict[str, Any] = {
        name: (Literal[value], Field(examples=[value]))
        for name, value in (
            ("type", TYPE_PREFIX + kind.code),
            ("title", kind.title),
            ("status", kind.status),
            ("code", kind.code),
        )
    }
    for name, example in kind.extra.items():
        fields[name] = (_type_of(example) | None, Field(default=None, examples=[example]))
    return create_model(
        f"{kind.__name__}Problem",
        __base__=ProblemPublic,
        __doc__=kind.__doc__,
        **fields,
    )


def _type_of(example: Any) -> Any:
    if isinstance(example, list):
        return list[type(example[0])]  # type: ignore[misc]
    return dict[str, Any] if isinstance(example, dict) else type(example)


def install(app: FastAPI) -> None:
    """Register the handlers that turn errors of the app into problems."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    for kind in (OperationalError, InterfaceError, PoolTimeout, PoolClosed):
        app.add_exception_handler(kind, _database_unreachable)
    for missing in (UndefinedTable, UndefinedColumn, InvalidSchemaName, InsufficientPrivilege):
        app.add_exception_handler(missing, _not_migrated)
    app.add_exception_handler(RedisError, _redis_unreachable)
    app.add_exception_handler(Exception, _internal)


async def _problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)
    return error.response()


async def _validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part != "body")
    if first["type"] == "json_invalid":
        detail = "The body is not valid JSON; send one JSON object as application/json."
    elif not where:
        detail = "Send one JSON object, with Content-Type: application/json."
    else:
        detail = f"{where}: {first['msg']}."
    return BodyMalformed(detail, field=where).response()


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    path = request.url.path
    if error.status_code == NotFound.status:
        return NotFound(f"{path} does not exist; /docs lists every path.").response()
    if error.status_code == MethodNotAllowed.status:
        answer = MethodNotAllowed(f"{path} does not support {request.method}.").response()
        answer.headers.update(error.headers or {})
        if methods := _methods_of(request):
            answer.headers["Allow"] = ", ".join(methods)
        return answer
    if error.status_code == _UNREADABLE_BODY:
        return BodyMalformed("The body cannot be read as JSON.").response()
    if 400 <= error.status_code < 500:
        return RequestRefused(f"{path}: {error.detail}.").response()
    return internal_error().response()


def _methods_of(request: Request) -> list[str]:
    """The documented methods of the request's path; Starlette names those of one route alone."""
    path, paths = request.url.path, request.app.openapi()["paths"]
    named = [paths[path]] if path in paths else []
    if not named:
        named = [found for form, found in paths.items() if compile_path(form)[0].match(path)]
    return sorted({method.upper() for methods in named for method in methods})


async def _database_unreachable(request: Request, error: Exception) -> JSONResponse:
    request.app.state.services.database.fault.began(type(error).__name__)
    return NotReady("The database does not answer; try again.", retry_after_s=2).response()


async def _not_migrated(request: Request, error: Exception) -> JSONResponse:
    reason = str(error).splitlines()[0]
    log.warning("api.not_migrated", reason=reason)
    return NotReady(
        "Tables are missing; run the migrations of indexer and backend.", retry_after_s=5
    ).response()


async def _redis_unreachable(request: Request, error: Exception) -> JSONResponse:
    request.app.state.services.redis_fault.began(type(error).__name__)
    return NotReady("Redis does not answer; try again.", retry_after_s=2).response()


async def _internal(request: Request, error: Exception) -> JSONResponse:
    return internal_error().response()
