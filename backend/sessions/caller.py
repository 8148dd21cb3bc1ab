"""Finds the session of a request: by its bearer token, or by the cookie of a browser."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request, Response

from backend.sessions.refusals import CrossSiteRequest, SessionRequired
from backend.sessions.sites import Sent, known_sites, may_ask
from backend.sessions.store import Session
from backend.stream_services import StreamServices, StreamServicesDep

_SAFE = ("GET", "HEAD", "OPTIONS")
# What the OpenAPI document says of a route that needs a session.
NEEDS_SESSION: dict[str, Any] = {"security": [{"sessionCookie": []}, {"sessionToken": []}]}


def cookie_name(services: StreamServices) -> str:
    """With the prefix, no page of another host can set the cookie, and none without TLS. A local
    chain is served without."""
    return "session" if services.deployment.is_local else "__Host-session"


def set_cookie(services: StreamServices, response: Response, token: str, lifetime_s: int) -> None:
    """Give the token to a browser, whose scripts cannot read it; a lifetime of 0 takes it back."""
    response.set_cookie(
        cookie_name(services),
        token,
        max_age=lifetime_s,
        path="/",
        secure=not services.deployment.is_local,
        httponly=True,
        samesite="strict",
    )


async def check_same_site(request: Request, services: StreamServicesDep) -> None:
    """Raises CrossSiteRequest for a request that another site makes a browser send."""
    settings, headers = services.settings, request.headers
    known = known_sites(settings.public_url, settings.cors_origins)
    sent = Sent(headers.get("origin"), headers.get("sec-fetch-site"), headers.get("host"))
    local = services.deployment.is_local
    if request.method not in _SAFE and not may_ask(sent, known, local):
        raise CrossSiteRequest(
            "Pages of this origin may not send this. The operator can add it to CORS_ORIGINS."
        )


async def find_session(request: Request, services: StreamServices) -> Session | None:
    """The session of a request; None when it has none that is alive."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        token = request.cookies.get(cookie_name(services), "")
    return await services.sessions.find(token.strip())


async def require_session(request: Request, services: StreamServicesDep) -> Session:
    """The session of a request. Raises SessionRequired and CrossSiteRequest."""
    await check_same_site(request, services)
    session = await find_session(request, services)
    if session is None:
        raise SessionRequired(
            "This needs a session, and the request has none, or one that has ended: sign in with"
            " POST /v1/sessions/nonce and POST /v1/sessions."
        )
    return session


SessionDep = Annotated[Session, Depends(require_session)]
