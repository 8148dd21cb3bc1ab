"""Reports the state of mirror and endpoints as text for an operator's terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg

from indexer.chain.blocks import Header
from indexer.chain.endpoints import Endpoints, latest_header
from indexer.deployment import Deployment
from indexer.mirror.checkpoint import StoredBlock, read_checkpoint
from indexer.mirror.leader import try_lead

Connection = psycopg.Connection[tuple[Any, ...]]

_MICRO = 10**6
_PRICE = "SELECT enter_micro, leave_micro FROM mirror.share_price WHERE deployment = %s"
# A transaction with both is a partial cash-out.
_GAS = """
SELECT sum(gas_used) FILTER (WHERE settled = 0) / nullif(sum(slips) FILTER (
        WHERE settled = 0 AND gas_used IS NOT NULL), 0),
    sum(gas_used) FILTER (WHERE slips = 0) / nullif(sum(settled) FILTER (
        WHERE slips = 0 AND gas_used IS NOT NULL), 0),
    count(*) FILTER (WHERE gas_used IS NULL)
FROM mirror.transaction WHERE deployment = %s
"""


def report(connection: Connection, deployment: Deployment, endpoints: Endpoints) -> Iterator[str]:
    """The lines of the report: how far the mirror and each endpoint are, share price and gas, and
    whether an indexer is running. The connection may take the leader's lock at the end: close it
    then."""
    tips = {e.name: tip for e, tip in endpoints.ask_all(latest_header).items()}
    checkpoint = read_checkpoint(connection, deployment.chain_id, deployment.sportsbook)
    if checkpoint is None:
        yield "the mirror is empty"
    else:
        head, final = checkpoint.head, checkpoint.final
        reached = {"confirmed": checkpoint.confirmed, "final": final.number if final else None}
        stages = [
            f"{name} {'none yet' if block is None else block}" for name, block in reached.items()
        ]
        yield f"deployment {checkpoint.deployment}: head {head.number}, {', '.join(stages)}"
        known = [tip for tip in tips.values() if isinstance(tip, Header)]
        if known:
            tip = max(known, key=lambda header: header.number)
            yield f"the chain is at {tip.number}: {_distance(tip, head)}"
        yield from _figures(connection, checkpoint.deployment)
    for name, answer in tips.items():
        yield f"{name}: block {answer.number}" if isinstance(answer, Header) else str(answer)
    # Last, so that an indexer that starts while a slow endpoint is asked does not find the lock
    # taken.
    free = try_lead(connection, deployment.lock_key)
    yield "no indexer is running" if free else "an indexer is running"


def _distance(tip: Header, head: StoredBlock) -> str:
    blocks = tip.number - head.number
    if blocks >= 0:
        return f"{blocks} blocks and {max(0, tip.timestamp_s - head.timestamp_s)} s ahead"
    return (
        f"{-blocks} blocks below the mirror's head; either the node is behind, or the chain was"
        " started again and the mirror is of the old one (python -m indexer rebuild)"
    )


def _figures(connection: Connection, number: int) -> Iterator[str]:
    price = connection.execute(_PRICE, (number,)).fetchone()
    if price is not None and None not in price:
        enter, leave = (f"{int(p) // _MICRO}.{int(p) % _MICRO:06}" for p in price)
        yield f"a share of the bankroll costs {enter} to buy and pays {leave}"
    gas = connection.execute(_GAS, (number,)).fetchone()
    assert gas is not None
    *averages, unread = gas
    parts = [
        f"{round(gas):,} per {what}"
        for what, gas in zip(("slip placed", "bet settled"), averages, strict=True)
        if gas is not None
    ]
    if parts:
        yield f"gas: {', '.join(parts)}"
    if unread:
        yield f"the gas of {unread} transactions has not been read yet; `run` reads it"
