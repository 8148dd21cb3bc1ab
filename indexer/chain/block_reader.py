"""Reads a range of blocks and its events from one endpoint; writes nothing.

The result is linked: every log belongs, by block hash, to a block of the range. And it is as
complete as bloom filters can show: when a block's bloom indicates an event of a mirrored contract
that is not among the block's logs, the logs are requested again, by block hash.
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
from indexer.chain.rpc import Call, Endpoint, to_hex
from indexer.decode.event_decoders import DECODERS, decode_log
from indexer.decode.events import Logged
from indexer.errors import Behind, Malformed, Refused, Throttled, Unlinked, Unreachable
from protocol.abi import topic

_HEADERS_PER_REQUEST, _REREAD_BLOCKS_PER_REQUEST = 100, 50


class BlockReader:
    """Reads the events of `contracts` (lower-case address to name).

    `on_too_long(blocks, lasting)` is called when a range was too long for an endpoint: for good
    (`lasting`), or only for now.
    """

    def __init__(
        self,
        contracts: Mapping[str, str],
        on_too_long: Callable[[int, bool], None] = lambda *_: None,
    ) -> None:
        self._on_too_long = on_too_long
        self._contracts = dict(contracts)
        self._addresses = list(contracts)
        self._masks = [_bloom_masks(address, name) for address, name in contracts.items()]

    def read(self, endpoint: Endpoint, first: int, last: int) -> BlockRange:
        """Read blocks `first` to `last`, in halves when the endpoint refuses the whole range.
        Raises EndpointFailed, Unlinked."""
        try:
            return self._read(endpoint, first, last)
        except (Unreachable, Throttled):
            # Providers that count requests count a batch of a hundred headers as a hundred.
            self._on_too_long(last - first + 1, False)
            raise
        except Refused:
            self._on_too_long(last - first + 1, True)
            if first == last:
                raise
        middle = (first + last) // 2
        left = self.read(endpoint, first, middle)
        return join_ranges(left, self.read(endpoint, middle + 1, last))

    def read_tip(self, endpoint: Endpoint, tip: Header) -> BlockRange:
        """Read one block whose header is already known. Raises EndpointFailed, Unlinked."""
        return self._with_events(endpoint, [tip], self._logs_of(endpoint, tip))

    def _read(self, endpoint: Endpoint, first: int, last: int) -> BlockRange:
        # The last headers and the logs share a request: on a slow connection every request counts.
        shared_from = last - (last - first) % _HEADERS_PER_REQUEST
        headers = read_headers(endpoint, range(first, shared_from))
        numbers = range(shared_from, last + 1)
        where = {"fromBlock": hex(first), "toBlock": hex(last), "address": self._addresses}
        *answers, logs = endpoint.batch([*_header_calls(numbers), ("eth_getLogs", [where])])
        headers += _headers(endpoint, numbers, answers)
        check_links(headers, first)
        return self._with_events(endpoint, headers, _log_list(endpoint, logs))

    def _with_events(
        self, endpoint: Endpoint, headers: list[Header], logs: list[dict[str, Any]]
    ) -> BlockRange:
        hashes = {header.number: to_hex(header.hash) for header in headers}
        events: dict[tuple[int, int], Logged] = {}
        kinds = self._decode(endpoint, hashes, logs, events)
        incomplete = [h for h in headers if self._misses_event(h, kinds.get(h.number, frozenset()))]
        for start in range(0, len(incomplete), _REREAD_BLOCKS_PER_REQUEST):
            part = incomplete[start : start + _REREAD_BLOCKS_PER_REQUEST]
            self._reread_by_hash(endpoint, hashes, part, events)
        return BlockRange(headers, [events[at] for at in sorted(events)])

    def _misses_event(self, header: Header, kinds: Set[str]) -> bool:
        """Whether the bloom indicates a kind of event of ours that is not among `kinds`."""
        bloom = header.bloom
        return any(
            bloom & mask == mask
            and any(bloom & of_event == of_event and kind not in kinds for kind, of_event in events)
            for mask, events in self._masks
        )

    def _reread_by_hash(
        self,
        endpoint: Endpoint,
        hashes: Mapping[int, str],
        headers: list[Header],
        events: dict[tuple[int, int], Logged],
    ) -> None:
        """Request the logs of blocks by block hash, and add what is missing to `events`. Raises
        EndpointFailed, Unlinked."""
        calls: list[Call] = []
        for header in headers:
            where = {"blockHash": to_hex(header.hash), "address": self._addresses}
            calls += [
                ("eth_getLogs", [where]),
                ("eth_getBlockByHash", [to_hex(header.hash), False]),
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
        """Decode logs into `events`, each once; returns which kinds of event each block has."""
        kinds: defaultdict[int, set[str]] = defaultdict(set)
        for log in logs:
            contract = self._contracts.get(str(log.get("address")).lower())
            if contract is None:
                raise Malformed(f"{endpoint.name} sent logs of contracts that were not requested")
            logged = decode_log(contract, log)
            if log.get("blockHash") != hashes.get(logged.block, ""):
                raise Unlinked(f"a log of block {logged.block} belongs to another fork")
            if events.setdefault((logged.block, logged.log_index), logged) != logged:
                raise Malformed(f"{endpoint.name} sent two logs with the same index")
            kinds[logged.block].add(contract + log["topics"][0])
        return kinds

    def _logs_of(self, endpoint: Endpoint, header: Header) -> list[dict[str, Any]]:
        where = {"blockHash": to_hex(header.hash), "address": self._addresses}
        return _log_list(endpoint, endpoint.call("eth_getLogs", where))


def _bloom_masks(address: str, contract: str) -> tuple[int, list[tuple[str, int]]]:
    """The bloom bits that any log of a contract sets, and those of each kind of event."""
    topics = [topic(event) for event in DECODERS[contract]]
    return bloom_mask(address), [(contract + t, bloom_mask(t)) for t in topics]


def read_headers(endpoint: Endpoint, numbers: Sequence[int]) -> list[Header]:
    """Read headers by number, without checking links. Raises EndpointFailed; Behind when one is
    missing."""
    headers: list[Header] = []
    for start in range(0, len(numbers), _HEADERS_PER_REQUEST):
        part = numbers[start : start + _HEADERS_PER_REQUEST]
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
        raise Malformed(f"{endpoint.name} did not answer eth_getLogs with a list of logs")
    return answer
