"""Decides which pages may open the stream: browsers let a page open any WebSocket, without CORS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar
from urllib.parse import urlsplit

from backend.problems import Problem


class OriginRefused(Problem):
    """A page of another origin may not open the stream; CORS_ORIGINS can allow it."""

    status: ClassVar[int] = 403
    code: ClassVar[str] = "origin-refused"
    title: ClassVar[str] = "Origin refused"


def check_origin(
    origin: str | None, host: str | None, public_url: str, allowed: Sequence[str]
) -> None:
    """Let programs, which send no origin, pages of this server, by the `host` that they asked or by
    its `public_url`, and those in `allowed` pass. Raises OriginRefused."""
    if origin is None or "*" in allowed or origin in allowed:
        return
    # A proxy in front may speak TLS, so the scheme can differ.
    own = {part.lower() for part in (host, urlsplit(public_url).netloc) if part}
    if urlsplit(origin).netloc.lower() not in own or not origin.startswith(("http://", "https://")):
        raise OriginRefused(
            "A page of this origin may not open the stream; the operator can add it to"
            " CORS_ORIGINS."
        )
