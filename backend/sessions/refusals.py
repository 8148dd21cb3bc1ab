"""Defines the refusals of signing in and of what needs a session, one class per reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from backend import examples
from backend.accounts.refusals import SignatureInDer, TransactionSignature, WalletNotDeployed
from backend.chain_view import ChainUnreachable
from backend.problems import Problem, Refused


class SessionRequired(Refused):
    """There is no session, or it has ended: sign in with POST /v1/sessions."""

    status = 401
    code = "session-required"
    title = "Sign in first"
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": "Bearer"}


class CrossSiteRequest(Refused):
    """A page of another origin may not send this request; CORS_ORIGINS can allow it."""

    status = 403
    code = "cross-site-request"
    title = "Request from another site"


class SignInUnavailable(Refused):
    """The server does not have the address of its page, which a wallet has to show."""

    status = 503
    code = "sign-in-unavailable"
    title = "Signing in is not set up"


class SignInMessageMalformed(Refused):
    """The message does not follow EIP-4361; the detail names the line."""

    status = 403
    code = "sign-in-message-malformed"
    title = "Malformed sign-in message"


class SignInMessageRefused(Refused):
    """The message is for another page, chain or time; `field` names what differs, `expected` what
    it must be."""

    status = 403
    code = "sign-in-message-refused"
    title = "Sign-in message refused"
    extra: ClassVar[Mapping[str, Any]] = {"field": "domain", "expected": "app.example.org"}


class SignInNonceUnknown(Refused):
    """The nonce was not issued here, was used, or has expired: ask for another one."""

    status = 403
    code = "sign-in-nonce-unknown"
    title = "Sign-in nonce unknown"


class SignInSignatureInvalid(Refused):
    """The address in the message did not sign it."""

    status = 403
    code = "sign-in-signature-invalid"
    title = "Invalid sign-in signature"
    extra: ClassVar[Mapping[str, Any]] = {"address": examples.OWNER, "signer": examples.SIGNER}


SIGN_IN_REFUSALS: tuple[type[Problem], ...] = (
    CrossSiteRequest,
    SignInUnavailable,
    SignInMessageMalformed,
    SignInMessageRefused,
    SignInNonceUnknown,
    SignInSignatureInvalid,
    TransactionSignature,
    SignatureInDer,
    WalletNotDeployed,
    ChainUnreachable,
)
"""Every reason for which signing in can be refused, for the OpenAPI document."""

SESSION_REFUSALS: tuple[type[Problem], ...] = (SessionRequired, CrossSiteRequest)
"""What a route that needs a session can say of it."""
