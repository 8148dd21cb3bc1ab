"""Owns reading a range of blocks with their events from one endpoint; writes nothing.

What it hands on is linked: every log is in a block of the range by that block's hash. And it is as
complete as blooms can tell: a block whose bloom speaks of an event of ours that was not among its
logs is asked again, by its hash.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

from indexer.chain.blocks import (
    BlockRange,
    Header,
    bloom_mask,
    check_links,
    join_ranges,
    read_header,
)
from indexer.chain.rpc import Call, Endpoint
from indexer.decode.events import Logged
from indexer.decode.logs import DECODERS, decode_log
from indexer.errors import Behind, Malformed, Refused, Throttled, Unlinked, Unreachable
from protocol.abi import topic

_HEADERS_A_REQUEST, _DOUBTFUL_A_REQUEST = 100, 50


class BlockReader:
    """Reads the events of `contracts` (lower-case address to name); tells `on_too_much` how many
    blocks were more than an endpoint gives, and whether for good or only in time."""

    def __init__(
        self,
        contracts: Mapping[str, str],
        on_too_much: Callable[[int, bool], None] = lambda *_: None,
    ) -> None:
        self._on_too_much = on_too_much
        self._contracts = dict(contracts)
        self._addresses = list(contracts)
        self._marks = [_marks(address, name) for address, name in contracts.items()]

    def read(self, endpoint: Endpoint, first: int, last: int) -> BlockRange:
        """Blocks `first` to `last`, in halves when the endpoint refuses the whole. Raises
        EndpointFailed, Unlinked."""
        try:
            return self._read(endpoint, first, last)
        except (Unreachable, Throttled):
            # A request of a hundred headers counts as a hundred where requests are counted.
            self._on_too_much(last - first + 1, False)
            raise
        except Refused:
            self._on_too_much(last - first + 1, True)
            if first == last:
                raise
        middle = (first + last) // 2
        left = self.read(endpoint, first, middle)
        return join_ranges(left, self.read(endpoint, middle + 1, last))

    def read_tip(self, endpoint: Endpoint, tip: Header) -> BlockRange:
        """One block whose header is known already. Raises EndpointFailed, Unlinked."""
        return self._with_events(endpoint, [tip], self._logs_of(endpoint, tip))

    def _read(self, endpoint: Endpoint, first: int, last: int) -> BlockRange:
        # The last headers and the logs travel together: over a long line every request counts.
        together = last - (last - first) % _HEADERS_A_REQUEST
        headers = read_headers(endpoint, range(first, together))
        numbers = range(together, last + 1)
        where = {"fromBlock": hex(first), "toBlock": hex(last), "address": self._addresses}
        *answers, logs = endpoint.batch([*_header_calls(numbers), ("eth_getLogs", [where])])
        headers += _headers(endpoint, numbers, answers)
        check_links(headers, first)
        return self._with_events(endpoint, headers, _log_list(endpoint, logs))

    def _with_events(
        self, endpoint: Endpoint, headers: list[Header], logs: list[dict[str, Any]]
    ) -> BlockRange:
        hashes = {header.number: _hex(header.hash) for header in headers}
        events: dict[tuple[int, int], Logged] = {}
        kinds = self._decode(endpoint, hashes, logs, events)
        doubtful = [h for h in headers if self._leaves_out(h, kinds.get(h.number, frozenset()))]
        for start in range(0, len(doubtful), _DOUBTFUL_A_REQUEST):
            self._ask_again(endpoint, hashes, doubtful[start : start + _DOUBTFUL_A_REQUEST], events)
        return BlockRange(headers, [events[at] for at in sorted(events)])

    def _leaves_out(self, header: Header, kinds: Set[str]) -> bool:
        """Whether the bloom speaks of an event of ours that is not among those kinds."""
        bloom = header.bloom
        return any(
            bloom & mask == mask
            and any(bloom & of_event == of_event and kind not in kinds for kind, of_event in events)
            for mask, events in self._marks
        )

    def _ask_again(
        self,
        endpoint: Endpoint,
        hashes: Mapping[int, str],
        headers: list[Header],
        events: dict[tuple[int, int], Logged],
    ) -> None:
        """Add to events what blocks hold by their hashes. Raises EndpointFailed, Unlinked."""
        calls: list[Call] = []
        for header in headers:
            where = {"blockHash": _hex(header.hash), "address": self._addresses}
            calls += [
                ("eth_getLogs", [where]),
                ("eth_getBlockByHash", [_hex(header.hash), False]),
            ]
        answers = endpoint.batch(calls)
        for header, logs, block in zip(headers, answers[::2], answers[1::2], strict=True):
            if block is None:
                raise Unlinked(f"block {header.number} left the chain while it was read")
            self._decode(endpoint, hashes, _log_list(endpoint, logs), events)

    def _decode(
        self,
        endpoint: Endpoint,
        hashes: Mapping[int, str],
        logs: list[dict[str, Any]],
        events: dict[tuple[int, int], Logged],
    ) -> Mapping[int, Set[str]]:
        """Add the events of logs, each once; returns which kinds there are in which block."""
        kinds: defaultdict[int, set[str]] = defaultdict(set)
        for log in logs:
            contract = self._contracts.get(str(log.get("address")).lower())
            if contract is None:
                raise Malformed(f"{endpoint.name} answers logs of contracts that are not ours")
            logged = decode_log(contract, log)
            if log.get("blockHash") != hashes.get(logged.block, ""):
                raise Unlinked(f"a log of block {logged.block} is of another fork")
            if events.setdefault((logged.block, logged.log_index), logged) != logged:
                raise Malformed(f"{endpoint.name} answers two logs in one place")
            kinds[logged.block].add(contract + log["topics"][0])
        return kinds

    def _logs_of(self, endpoint: Endpoint, header: Header) -> list[dict[str, Any]]:
        where = {"blockHash": _hex(header.hash), "address": self._addresses}
        return _log_list(endpoint, endpoint.call("eth_getLogs", where))


def _marks(address: str, contract: str) -> tuple[int, list[tuple[str, int]]]:
    """What a log of a contract sets in its block's bloom, and what each kind of event does."""
    topics = [topic(event) for event in DECODERS[contract]]
    return bloom_mask(address), [(contract + t, bloom_mask(t)) for t in topics]


def read_headers(endpoint: Endpoint, numbers: Sequence[int]) -> list[Header]:
    """Headers by number, unlinked. Raises EndpointFailed; Behind when one is missing."""
    headers: list[Header] = []
    for start in range(0, len(numbers), _HEADERS_A_REQUEST):
        part = numbers[start : start + _HEADERS_A_REQUEST]
        headers += _headers(endpoint, part, endpoint.batch(_header_calls(part)))
    return headers


def _header_calls(numbers: Sequence[int]) -> list[Call]:
    return [("eth_getBlockByNumber", [hex(number), False]) for number in numbers]


def _headers(endpoint: Endpoint, numbers: Sequence[int], answers: list[Any]) -> list[Header]:
    if None in answers:
        raise Behind(f"{endpoint.name} does not have all blocks up to {numbers[-1]}")
    return [read_header(answer) for answer in answers]


def _log_list(endpoint: Endpoint, answer: Any) -> list[dict[str, Any]]:
    if not isinstance(answer, list) or not all(isinstance(log, dict) for log in answer):
        raise Malformed(f"{endpoint.name} answers no list of logs")
    return answer


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
