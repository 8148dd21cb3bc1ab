"""Finds transactions without gas, and stores what their receipts report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

from indexer.chain.receipts import Gas, WantedReceipt

Connection = psycopg.Connection[tuple[Any, ...]]

# A transaction's place in chain order: its block, then its hash.
Position = tuple[int, bytes]

_UNREAD = """
SELECT t.block, t.tx_hash, b.hash FROM mirror.transaction t
JOIN mirror.block b ON b.deployment = t.deployment AND b.number = t.block
WHERE t.deployment = %(deployment)s AND t.gas_used IS NULL AND b.number >= %(block)s
    AND (t.block, t.tx_hash) > (%(block)s, %(tx_hash)s)
ORDER BY t.block, t.tx_hash LIMIT %(limit)s
"""
_COUNT = "SELECT count(*) FROM mirror.transaction WHERE deployment = %s AND gas_used IS NULL"
# The block may have been replaced since its receipts were requested.
_FILL = """
UPDATE mirror.transaction t SET gas_used = r.gas_used, gas_price_wei = r.gas_price_wei
FROM unnest(%s::bigint[], %s::bytea[], %s::bytea[], %s::bigint[], %s::bigint[])
    AS r (block, tx_hash, block_hash, gas_used, gas_price_wei)
JOIN mirror.block b ON b.number = r.block AND b.hash = r.block_hash
WHERE t.deployment = %s AND b.deployment = t.deployment
    AND t.block = r.block AND t.tx_hash = r.tx_hash
"""


def transactions_without_gas(
    connection: Connection, deployment: int, after: Position, limit: int
) -> list[WantedReceipt]:
    """The next transactions, at most `limit`, whose gas is not stored yet."""
    block, tx_hash = after
    rows = connection.execute(
        _UNREAD, {"deployment": deployment, "block": block, "tx_hash": tx_hash, "limit": limit}
    )
    return [WantedReceipt(number, bytes(tx), bytes(hash_)) for number, tx, hash_ in rows]


def count_without_gas(connection: Connection, deployment: int) -> int:
    """The number of transactions whose gas is not stored yet."""
    row = connection.execute(_COUNT, (deployment,)).fetchone()
    assert row is not None
    return int(row[0])


def store_gas(
    connection: Connection, deployment: int, read: Sequence[tuple[WantedReceipt, Gas]]
) -> None:
    """Store the gas of transactions whose block is still the one that its receipt names."""
    rows = [(*wanted, *gas) for wanted, gas in read]
    columns = map(list, zip(*rows, strict=True))
    connection.execute(_FILL, (*columns, deployment))
