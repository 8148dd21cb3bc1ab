"""Sends JSON-RPC calls to a node, one by one or many in a request; it never retries."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any


class RpcError(Exception):
    """The node refused a call."""


# A method and its parameters.
Call = tuple[str, list[Any]]


def call(url: str, method: str, *params: Any, timeout_s: float = 30.0) -> Any:
    """The result of a call. Raises OSError when the node is silent, RpcError when it refuses."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    return _result(method, _post(url, method, body, timeout_s))


def batch(url: str, calls: Sequence[Call], timeout_s: float = 60.0) -> list[Any]:
    """The results of many calls in one request, in their order; a node may work on them in any
    order. Raises as `call` does, for the first call that is refused."""
    if not calls:
        return []
    body = [
        {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        for number, (method, params) in enumerate(calls)
    ]
    answers = _post(url, calls[0][0], body, timeout_s)
    if not isinstance(answers, list) or len(answers) != len(calls):
        raise RpcError(f"{calls[0][0]}: the node does not answer a batch of calls")
    answers.sort(key=lambda answer: answer["id"])
    return [_result(method, answer) for (method, _), answer in zip(calls, answers, strict=True)]


def _post(url: str, method: str, body: object, timeout_s: float) -> Any:
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        raise RpcError(f"{method}: HTTP status {error.code}") from error
    except (http.client.HTTPException, ValueError) as error:
        # The node ended in the middle of its answer.
        raise ConnectionError(f"{method}: {error!r}") from error


def _result(method: str, answer: dict[str, Any]) -> Any:
    if "error" in answer:
        raise RpcError(f"{method}: {answer['error'].get('message', answer['error'])}")
    return answer["result"]
