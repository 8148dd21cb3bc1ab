"""Decides which pages may sign in, and which may send requests that a session allows; pure.

Neither trusts the Host header for more than a browser vouches for: whoever has a signature that a
wallet gave to another page can write any Host.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Site:
    """A page's origin, such as https://app.example.org; `domain` is what a wallet shows of it."""

    origin: str

    @property
    def scheme(self) -> str:
        """http or https."""
        return self.origin.partition("://")[0]

    @property
    def domain(self) -> str:
        """The host, with a port that is not the scheme's own."""
        return self.origin.partition("://")[2]


def site_of(address: str) -> Site | None:
    """The site of an address or an Origin header; None for anything else, such as `null`."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    shown = "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return Site(f"{parts.scheme}://{host}{shown}")


def known_sites(public_url: str, cors_origins: Sequence[str]) -> list[Site]:
    """The sites that the settings name, that of PUBLIC_URL first. A * names none: any page could
    sign a visitor in."""
    found = [site_of(address) for address in (public_url, *cors_origins)]
    return [site for site in found if site is not None]


def is_address(site: Site) -> bool:
    """Whether a site's host is an address and not a name: nobody can have a name of his own lead a
    browser there."""
    try:
        ip_address(urlsplit(site.origin).hostname or "")
    except ValueError:
        return False
    return True


def is_loopback(site: Site) -> bool:
    """Whether a site is on the visitor's own machine."""
    return urlsplit(site.origin).hostname in _LOOPBACK


@dataclass(frozen=True, slots=True)
class Sent:
    """Where a request says that it comes from: its headers Origin and Sec-Fetch-Site, and the Host
    that it asked."""

    origin: str | None
    fetch_site: str | None
    host: str | None


def may_ask(sent: Sent, known: Sequence[Site], local: bool) -> bool:
    """Whether a request that changes something may come from this page. Programs send no Origin.
    Browsers do with every such request, and those that leave it out say where it comes from in
    Sec-Fetch-Site. On a `local` chain every page of the machine itself may, and needs no session:
    there the host that was asked proves nothing if it is a name, which anybody can have lead to
    this machine (DNS rebinding)."""
    if sent.origin is None:
        return sent.fetch_site in (None, "same-origin", "none")
    site = site_of(sent.origin)
    if site is None:
        return False
    # A proxy in front may speak TLS, so the scheme can differ from ours.
    own = None if sent.host is None else site_of(f"{site.scheme}://{sent.host}")
    if local and not is_address(site):
        own = None
    return site in known or site == own or (local and is_loopback(site))
