"""Finds out which address a request comes from, past the proxies that are trusted; pure but for
the middleware that enters it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# What one customer of a provider has of IPv6.
_IPV6_PREFIX = 64

# What clients without an address are counted under, as those of a Unix socket.
UNKNOWN = "unknown"


def client_of(peer: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """The address of the client: of `forwarded`, the values of X-Forwarded-For, the last one that
    is not a trusted proxy, if the peer is one. Whoever is not trusted can write what it likes; what
    is before its own address does not count."""
    client = peer
    for word in reversed([word for value in forwarded for word in value.split(",")]):
        known = _read(client)
        if known is None or not any(known in network for network in trusted):
            break
        named = _read(word.strip())
        if named is None:
            break
        client = str(named)
    return client


def limit_name(client: str) -> str:
    """What requests of a client are counted under: its address, or its network with IPv6."""
    known = _read(client)
    if isinstance(known, IPv6Address):
        return str(ip_network((known, _IPV6_PREFIX), strict=False))
    return client if known is None else str(known)


def limit_name_of(connection: HTTPConnection) -> str:
    """The same of a request or a stream, whose address ClientAddress has entered."""
    return limit_name(connection.client.host) if connection.client else UNKNOWN


def is_among(client: str, networks: Sequence[Network]) -> bool:
    """Whether the client's address is in one of the networks."""
    known = _read(client)
    return known is not None and any(known in network for network in networks)


def read_networks(value: str) -> list[Network]:
    """Addresses and networks separated by commas. Raises ValueError."""
    return [ip_network(word.strip()) for word in value.split(",") if word.strip()]


class ClientAddress:
    """Enters the client's address into every request and every stream."""

    def __init__(self, app: ASGIApp, trusted: Sequence[Network]) -> None:
        self._app = app
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and scope.get("client"):
            peer, port = scope["client"]
            named = [v.decode("latin-1") for n, v in scope["headers"] if n == b"x-forwarded-for"]
            client = client_of(peer, named, self._trusted)
            scope = {**scope, "client": (client, port if client == peer else 0)}
        await self._app(scope, receive, send)


@lru_cache(maxsize=8_192)
def _read(word: str) -> Address | None:
    """An address, also with a port. IPv4 within IPv6 is IPv4."""
    if word.startswith("["):
        word = word[1:].partition("]")[0]
    elif word.count(":") == 1:
        word = word.partition(":")[0]
    try:
        address = ip_address(word.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
