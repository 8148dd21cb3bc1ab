"""Opens a session for whoever signed this server's message: an address, or a contract wallet."""

from __future__ import annotations

from dataclasses import dataclass

from backend.accounts.check_signature import check_deployed, check_form
from backend.accounts.signature_forms import own_signature, signer_of, text_digest
from backend.services import Services
from backend.sessions.checks import check_message
from backend.sessions.message import MessageMalformed, read_message
from backend.sessions.refusals import (
    CrossSiteRequest,
    SignInMessageMalformed,
    SignInNonceUnknown,
    SignInSignatureInvalid,
    SignInUnavailable,
)
from backend.sessions.sites import Site, is_loopback, known_sites, site_of
from backend.sessions.store import Session


@dataclass(frozen=True, slots=True)
class Asker:
    """Where a request comes from, as its headers have it."""

    origin: str | None
    host: str | None
    user_agent: str


def site_for(services: Services, asker: Asker) -> Site:
    """The site that a sign-in from here is for. It is one that the settings name: a Host header
    proves nothing, since whoever stole a signature for another page writes what he likes. On a
    local chain it can be any page of the machine itself. Raises CrossSiteRequest and
    SignInUnavailable."""
    settings = services.settings
    known = known_sites(settings.public_url, settings.cors_origins)
    local = services.deployment.is_local
    if asker.origin is not None:
        site = site_of(asker.origin)
        if site is not None and (site in known or (local and is_loopback(site))):
            return site
        if known or local:
            raise CrossSiteRequest(
                "A page of this origin may not sign in here; its operator can name it in"
                " PUBLIC_URL or CORS_ORIGINS."
            )
    elif known:
        return known[0]
    elif local and (own := site_of(f"http://{asker.host}")) is not None and is_loopback(own):
        return own
    raise SignInUnavailable(
        "This server does not know its own public address, which the wallet shows: the operator"
        " has to set PUBLIC_URL to an address such as https://app.example.org."
    )


async def sign_in(
    services: Services, asker: Asker, text: str, signature: bytes
) -> tuple[Session, str]:
    """A new session, and its token. Raises the refusal when there is none."""
    asked_from = site_for(services, asker)
    try:
        message = read_message(text)
    except MessageMalformed as error:
        raise SignInMessageMalformed(
            f"The message is not one of EIP-4361: {error}. Build it from what POST"
            " /v1/sessions/nonce returns."
        ) from None
    # Taken whatever follows: no second try with the same nonce.
    site = await services.sessions.take_nonce(message.nonce)
    if site is None or (asker.origin is not None and site != asked_from):
        raise SignInNonceUnknown(
            "The nonce was not issued to this page, was used already, or has expired. Ask for"
            " another one with POST /v1/sessions/nonce, and sign again."
        )
    check_message(message, site, services.domain.chain_id, services.sessions.clock())
    await _check_signature(services, text, message.address, signature)
    return await services.sessions.open(message.address, asker.user_agent)


async def _check_signature(services: Services, text: str, address: str, signature: bytes) -> None:
    """Raises the refusal that names what the signature is, or ChainUnreachable."""
    digest = text_digest(text.encode())
    signer = signer_of(digest, signature)
    if own_signature(signature) is not None and signer == address:
        return
    if await services.chain.signature_valid(address, digest, signature):
        return
    check_form(signature)
    check_deployed(signature, address)
    raise SignInSignatureInvalid(
        f"{address} did not sign this text (personal_sign). Connect the wallet with the address in"
        " the message, and sign again.",
        address=address,
        signer=signer,
    )
