"""Checks what an owner signed to sign in against what this server asked for; pure."""

from __future__ import annotations

from backend.formatting import utc
from backend.sessions.message import SignInMessage
from backend.sessions.refusals import SignInMessageRefused
from backend.sessions.sites import Site
from backend.sessions.store import NONCE_S

STATEMENT = (
    "Sign in to Fairline to see your own bets, sessions and limits."
    " This costs nothing and moves no money."
)
# By how much the clock of a visitor's device may differ.
CLOCK_SKEW_S = 60


def check_message(message: SignInMessage, site: Site, chain_id: int, now_s: float) -> None:
    """Raises SignInMessageRefused for a message of another page, chain or time."""
    _check("domain", message.domain, site.domain)
    if message.scheme is not None:
        _check("scheme", message.scheme, site.scheme)
    _check("uri", message.uri, site.origin)
    _check("chain_id", str(message.chain_id), str(chain_id))
    _check("statement", message.statement or "", STATEMENT)
    if message.resources:
        raise _refused("resources", "", "It names resources, and this server grants none.")
    _check_times(message, now_s)


def _check_times(message: SignInMessage, now_s: float) -> None:
    if message.issued_at_s > now_s + CLOCK_SKEW_S:
        raise _late("issued_at", now_s, "was issued in the future")
    if message.issued_at_s < now_s - NONCE_S - CLOCK_SKEW_S:
        raise _late("issued_at", now_s, "was issued too long ago")
    if message.expires_at_s is not None and message.expires_at_s <= now_s:
        raise _late("expiration_time", now_s, "has expired")
    if message.not_before_s is not None and message.not_before_s > now_s:
        raise _late("not_before", now_s, "is not valid yet")


def _check(field: str, given: str, expected: str) -> None:
    if given != expected:
        shown = given[:100] or "nothing"
        raise _refused(field, expected, f"Its {field} is {shown}, and must be exactly {expected}.")


def _late(field: str, now_s: float, reason: str) -> SignInMessageRefused:
    return _refused(
        field,
        str(int(now_s)),
        f"The message {reason}: the server's time is {utc(int(now_s))}. Sign another one, with"
        " the times that POST /v1/sessions/nonce gives.",
    )


def _refused(field: str, expected: str, detail: str) -> SignInMessageRefused:
    return SignInMessageRefused(detail, field=field, expected=expected)
