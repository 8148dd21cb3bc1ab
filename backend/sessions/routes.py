"""Serves signing in, and the sessions of an owner."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response

from backend.api.json_bodies import JsonRoute
from backend.problems import BODY_REFUSALS, BodyMalformed, NotFound, NotReady, responses
from backend.services import Services, ServicesDep
from backend.sessions.caller import (
    NEEDS_SESSION,
    SessionDep,
    check_same_site,
    find_session,
    set_cookie,
)
from backend.sessions.checks import STATEMENT
from backend.sessions.message import VERSION
from backend.sessions.models import (
    NoncePublic,
    SessionCreate,
    SessionList,
    SessionOpened,
    SessionPublic,
    SignInFields,
)
from backend.sessions.refusals import (
    SESSION_REFUSALS,
    SIGN_IN_REFUSALS,
    CrossSiteRequest,
    SignInUnavailable,
)
from backend.sessions.signing_in import Asker, sign_in, site_for
from backend.sessions.store import NONCE_S, Session

router = APIRouter(prefix="/v1/sessions", tags=["sessions"], route_class=JsonRoute)

SessionId = Annotated[uuid.UUID, Path(description="`id` of the session.")]


def _asker(request: Request) -> Asker:
    headers = request.headers
    return Asker(headers.get("origin"), headers.get("host"), headers.get("user-agent", ""))


@router.post(
    "/nonce",
    status_code=201,
    dependencies=[Depends(check_same_site)],
    responses=responses(CrossSiteRequest, SignInUnavailable, NotReady),
)
async def post_nonce(request: Request, services: ServicesDep) -> NoncePublic:
    """Returns a nonce, which counts once and for some minutes, and what the message must say."""
    site = site_for(services, _asker(request))
    now_s = services.sessions.now_s()
    return NoncePublic(
        nonce=await services.sessions.new_nonce(site),
        expires_at_s=now_s + NONCE_S,
        message=SignInFields(
            domain=site.domain,
            uri=site.origin,
            version=VERSION,
            chain_id=services.domain.chain_id,
            statement=STATEMENT,
            issued_at=_utc(now_s),
            expiration_time=_utc(now_s + NONCE_S),
        ),
    )


@router.post(
    "",
    status_code=201,
    dependencies=[Depends(check_same_site)],
    responses=responses(*BODY_REFUSALS, *SIGN_IN_REFUSALS, NotReady),
)
async def post_session(
    request: Request, response: Response, services: ServicesDep, create: SessionCreate
) -> SessionOpened:
    """Opens a session for the address that signed the message. A session with which the request
    came ends."""
    before = await find_session(request, services)
    signature = bytes.fromhex(create.signature[2:])
    session, token = await sign_in(services, _asker(request), create.message, signature)
    if before is not None:
        await services.sessions.revoke(before.address, before.id)
    by_cookie = create.transport == "cookie"
    if by_cookie:
        set_cookie(services, response, token, services.sessions.lifetime_s)
    return SessionOpened(**_fields(services, session, session), token=None if by_cookie else token)


@router.get("", responses=responses(*SESSION_REFUSALS, NotReady), openapi_extra=NEEDS_SESSION)
async def get_sessions(services: ServicesDep, session: SessionDep) -> SessionList:
    """Lists the sessions of the caller's address, without their tokens."""
    found = await services.sessions.of_owner(session.address)
    return SessionList(sessions=[SessionPublic(**_fields(services, one, session)) for one in found])


@router.delete(
    "",
    status_code=204,
    responses=responses(*SESSION_REFUSALS, NotReady),
    openapi_extra=NEEDS_SESSION,
)
async def delete_sessions(services: ServicesDep, response: Response, session: SessionDep) -> None:
    """Ends all sessions of the caller's address, the one that asks included."""
    await services.sessions.revoke(session.address)
    set_cookie(services, response, "", 0)


@router.delete(
    "/current",
    status_code=204,
    responses=responses(*SESSION_REFUSALS, NotReady),
    openapi_extra=NEEDS_SESSION,
)
async def delete_current_session(
    services: ServicesDep, response: Response, session: SessionDep
) -> None:
    """Ends the session that asks."""
    await services.sessions.revoke(session.address, session.id)
    set_cookie(services, response, "", 0)


@router.delete(
    "/{session_id:uuid}",
    status_code=204,
    responses=responses(*SESSION_REFUSALS, NotFound, BodyMalformed, NotReady),
    openapi_extra=NEEDS_SESSION,
)
async def delete_session(
    services: ServicesDep, response: Response, session: SessionDep, session_id: SessionId
) -> None:
    """Ends one session of the caller's address."""
    if not await services.sessions.revoke(session.address, str(session_id)):
        raise NotFound(f"You have no session {session_id}; GET /v1/sessions lists them.")
    if str(session_id) == session.id:
        set_cookie(services, response, "", 0)


def _fields(services: Services, session: Session, current: Session) -> dict[str, Any]:
    return {
        "id": session.id,
        "address": session.address,
        "user_agent": session.user_agent,
        "created_s": session.created_s,
        "seen_s": session.seen_s,
        "expires_at_s": services.sessions.expires_at_s(session),
        "idle_s": services.sessions.idle_s,
        "current": session.id == current.id,
    }


def _utc(time_s: int) -> str:
    return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
