"""Registers a deployment, and gives it the number that its rows refer to."""

from __future__ import annotations

from typing import Any

import psycopg

from indexer.deployment import Deployment
from indexer.mirror.head_state import open_book

_REGISTER = """
INSERT INTO mirror.deployment (id, chain_id, sportsbook, results, bankroll, token, first_block,
    commission_bps, token_decimals)
SELECT coalesce(max(id), 0) + 1, %s, %s, %s, %s, %s, %s, %s, %s FROM mirror.deployment
ON CONFLICT (chain_id, sportsbook) DO UPDATE
SET commission_bps = excluded.commission_bps, token_decimals = excluded.token_decimals
"""
_FIND = "SELECT id FROM mirror.deployment WHERE chain_id = %s AND sportsbook = %s"


def register(connection: psycopg.Connection[tuple[Any, ...]], deployment: Deployment) -> int:
    """The deployment's number; a new one when it is not registered yet."""
    with connection.transaction():
        connection.execute("LOCK TABLE mirror.deployment IN SHARE ROW EXCLUSIVE MODE")
        connection.execute(
            _REGISTER,
            (
                *(deployment.chain_id, deployment.sportsbook, deployment.results),
                *(deployment.bankroll, deployment.token, deployment.first_block),
                *(deployment.commission_bps, deployment.token_decimals),
            ),
        )
        row = connection.execute(_FIND, (deployment.chain_id, deployment.sportsbook)).fetchone()
        assert row is not None
        open_book(connection, row[0])
    return int(row[0])
