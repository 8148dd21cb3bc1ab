"""Answers as the headers of a request ask (RFC 9110): what a client knows already is not sent
again, and the rest in a coding that it takes."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Header, Response

IfNoneMatch = Annotated[
    str | None, Header(description="`ETag` of an answer that is known: the answer may be 304.")
]
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "Nothing has changed since the answer that is known."}
}


def headers_of(etag: str) -> dict[str, str]:
    """Kept by a browser, but asked about before each use. A weak `etag` is that of all codings."""
    vary = {"Vary": "Accept-Encoding"} if etag.startswith("W/") else {}
    return {"ETag": etag, "Cache-Control": "no-cache", **vary}


def not_modified(if_none_match: str | None, etag: str) -> Response | None:
    """The answer 304 if the client names this version; None if it has to be sent."""
    if if_none_match is None:
        return None
    named = [word.strip().removeprefix("W/") for word in if_none_match.split(",")]
    if etag.removeprefix("W/") not in named and named != ["*"]:
        return None
    return Response(status_code=304, headers=headers_of(etag))


def codings(accept_encoding: str) -> set[str]:
    """The codings that a client takes."""
    parts = [part for part in accept_encoding.lower().replace(" ", "").split(",") if part]
    return {part.split(";")[0] for part in parts if not part.endswith((";q=0", ";q=0.0"))}
