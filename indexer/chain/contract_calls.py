"""Calls views of the contracts at a given block, many per request; sends no transactions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any

from indexer.chain.endpoints import Endpoints
from indexer.chain.rpc import Call, Endpoint
from indexer.deployment import Deployment
from indexer.errors import Malformed

# Contract, function, arguments (integers, bytes or addresses).
ViewCall = tuple[str, str, tuple[int | bytes | str, ...]]

_CALLS_PER_REQUEST = 100
_WORD = 32


class ContractReader:
    """Reads the contracts of a deployment as of the end of block `number`, or as they are now."""

    def __init__(
        self, endpoints: Endpoints, deployment: Deployment, number: int | None = None
    ) -> None:
        self._endpoints = endpoints
        self._block = hex(number) if number is not None else "latest"
        self._addresses = {name: address for address, name in deployment.contracts.items()}
        self._addresses["TestToken"] = deployment.token

    def call_all(self, calls: Iterable[ViewCall]) -> Iterator[list[int]]:
        """The words of each answer, in order. Raises NodeUnavailable."""
        left = iter(calls)
        while part := list(islice(left, _CALLS_PER_REQUEST)):
            requests = [self._request(*call) for call in part]
            yield from self._endpoints.run(partial(_answers, requests))

    def _request(
        self, contract: str, function: str, arguments: tuple[int | bytes | str, ...]
    ) -> Call:
        # Imported here: it loads eth_abi, which only `verify` needs, and would delay every start.
        from protocol.calls import encode_call

        data = "0x" + encode_call(contract, function, *arguments).hex()
        return ("eth_call", [{"to": self._addresses[contract], "data": data}, self._block])


def _answers(requests: list[Call], endpoint: Endpoint) -> list[list[int]]:
    return [_words(endpoint, answer) for answer in endpoint.batch(requests)]


def _words(endpoint: Endpoint, answer: Any) -> list[int]:
    try:
        data = bytes.fromhex(answer[2:])
    except (TypeError, ValueError) as error:
        raise Malformed(f"{endpoint.name} answered eth_call with data that is not hex") from error
    if not data or len(data) % _WORD:
        raise Malformed(
            f"{endpoint.name} answered eth_call with {len(data)} bytes, not a positive multiple of"
            f" {_WORD}; check the contract address"
        )
    return [int.from_bytes(data[at : at + _WORD], "big") for at in range(0, len(data), _WORD)]
