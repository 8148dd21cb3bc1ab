"""Owns asking the contracts what they hold at a block, many questions at a time; sends nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any

from indexer.chain.endpoints import Endpoints
from indexer.chain.rpc import Call, Endpoint
from indexer.deployment import Deployment
from indexer.errors import Malformed

# Contract, view, arguments (numbers, or bytes).
Question = tuple[str, str, tuple[int | bytes, ...]]

_CALLS_A_REQUEST = 100
_WORD = 32


class Views:
    """The contracts of a deployment as they stood at the end of block `number`."""

    def __init__(self, endpoints: Endpoints, deployment: Deployment, number: int) -> None:
        self._endpoints = endpoints
        self._block = hex(number)
        self._addresses = {name: address for address, name in deployment.contracts.items()}

    def ask(self, questions: Iterable[Question]) -> Iterator[list[int]]:
        """The words of each answer, in order. Raises NodeUnavailable."""
        left = iter(questions)
        while part := list(islice(left, _CALLS_A_REQUEST)):
            calls = [self._call(*question) for question in part]
            yield from self._endpoints.run(partial(_answers, calls))

    def one(self, contract: str, view: str, *arguments: int | bytes) -> list[int]:
        """The words of one answer. Raises NodeUnavailable."""
        return next(self.ask([(contract, view, arguments)]))

    def _call(self, contract: str, view: str, arguments: tuple[int | bytes, ...]) -> Call:
        # Imported here: it loads eth_abi, which only `verify` needs, and would delay every start.
        from protocol.calls import encode_call

        data = "0x" + encode_call(contract, view, *arguments).hex()
        return ("eth_call", [{"to": self._addresses[contract], "data": data}, self._block])


def _answers(calls: list[Call], endpoint: Endpoint) -> list[list[int]]:
    return [_words(endpoint, answer) for answer in endpoint.batch(calls)]


def _words(endpoint: Endpoint, answer: Any) -> list[int]:
    try:
        data = bytes.fromhex(answer[2:])
    except (TypeError, ValueError) as error:
        raise Malformed(f"{endpoint.name} answers a call with something unreadable") from error
    if not data or len(data) % _WORD:
        raise Malformed(f"{endpoint.name} answers a call with no whole words: is it our contract?")
    return [int.from_bytes(data[at : at + _WORD], "big") for at in range(0, len(data), _WORD)]
