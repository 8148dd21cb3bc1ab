"""Finds the node of a local chain that a browser may ask itself; pure."""

from __future__ import annotations

from urllib.parse import urlsplit

from protocol.limits import LOCAL_CHAIN_IDS


def local_node(chain_id: int, rpc_url: str) -> str | None:
    """The node's address, for a local chain alone. None for an address that is not HTTP, and for
    one that may hold a secret: with a name, a password, a path or a query."""
    parts = urlsplit(rpc_url)
    if chain_id not in LOCAL_CHAIN_IDS or parts.scheme not in ("http", "https"):
        return None
    if not parts.hostname or parts.username or parts.password:
        return None
    if parts.path not in ("", "/") or parts.query:
        return None
    return f"{parts.scheme}://{parts.netloc}"
