"""Reads the gas of transactions from their receipts, and merges what several endpoints report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from indexer.chain.rpc import Endpoint, to_hex

T = TypeVar("T", bound=Hashable)

# More than any block holds, and small enough to be multiplied by a transaction's bets.
_MAX_GAS, _MAX_PRICE_WEI = 2**40, 2**63 - 1


class WantedReceipt(NamedTuple):
    """A transaction whose receipt is to be read, and its block as the mirror has it."""

    block: int
    tx_hash: bytes
    block_hash: bytes


class Gas(NamedTuple):
    """Units of gas, and wei per unit; the price is None where the node does not report it."""

    used: int
    price_wei: int | None


def read_gas(endpoint: Endpoint, wanted: Sequence[WantedReceipt]) -> list[Gas | None]:
    """The gas of each transaction, None where the endpoint has no valid receipt. Raises
    EndpointFailed."""
    answers = endpoint.batch(
        [("eth_getTransactionReceipt", [to_hex(receipt.tx_hash)]) for receipt in wanted]
    )
    return list(map(_gas, wanted, answers))


def merge_reports(reports: Sequence[Gas | None]) -> Gas | None:
    """The gas of a transaction from what endpoints report of it, None when they disagree. Some
    endpoints may not report the price."""
    known = [gas for gas in reports if gas is not None]
    used = _agreed(gas.used for gas in known)
    if used is None:
        return None
    prices = [g.price_wei for g in known if g.used == used and g.price_wei is not None]
    price = _agreed(prices)
    return Gas(used, price) if price is not None or not prices else None


def _gas(wanted: WantedReceipt, answer: Any) -> Gas | None:
    """The gas in a receipt, if it is the receipt of that transaction in that block."""
    try:
        matches = (answer["transactionHash"].lower(), answer["blockHash"].lower()) == (
            to_hex(wanted.tx_hash),
            to_hex(wanted.block_hash),
        )
        used, price = int(answer["gasUsed"], 16), answer.get("effectiveGasPrice")
        price_wei = None if price is None else int(price, 16)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    plausible = 0 < used <= _MAX_GAS and 0 <= (price_wei or 0) <= _MAX_PRICE_WEI
    return Gas(used, price_wei) if matches and plausible else None


def _agreed(values: Iterable[T]) -> T | None:
    """The value that all of them, or at least two, have."""
    counts = Counter(values)
    if not counts:
        return None
    value, times = counts.most_common(1)[0]
    return value if times > 1 or len(counts) == 1 else None
