"""Owns one JSON-RPC call to a node; must not retry and must keep no connection."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import Any


class RpcError(Exception):
    """The node refused a call."""


def call(url: str, method: str, *params: Any, timeout_s: float = 30.0) -> Any:
    """The result of a call. Raises OSError when nobody answers, RpcError when the node refuses."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
    request = urllib.request.Request(
        url, body.encode(), {"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as response:
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        raise RpcError(f"{method}: HTTP status {error.code}") from error
    except (http.client.HTTPException, ValueError) as error:
        # The node ended in the middle of its answer.
        raise ConnectionError(f"{method}: {error!r}") from error
    if "error" in answer:
        raise RpcError(f"{method}: {answer['error'].get('message', answer['error'])}")
    return answer["result"]
