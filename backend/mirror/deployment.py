"""Finds the mirror's row of a deployment, and how far it has followed the chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row

from backend.deployment import Deployment
from backend.errors import RetryableError

# A common table expression `d`: our deployment, once the indexer has written a block of it.
DEPLOYMENT = """
d AS (SELECT id, head_block, head_timestamp_s, confirmed_block, final_block
      FROM mirror.deployment
      WHERE chain_id = %(chain_id)s AND lower(sportsbook) = lower(%(sportsbook)s)
        AND head_block IS NOT NULL)
"""

# The hash of the deployment's first block; null when the deployment file does not name it.
FIRST_HASH = """
(SELECT b.hash FROM mirror.block b
 WHERE b.deployment = d.id AND b.number = %(first_block)s::bigint) AS first_hash
"""

HEAD = f"""
WITH {DEPLOYMENT}
SELECT d.id, d.head_block, d.head_timestamp_s, {FIRST_HASH} FROM d
"""  # noqa: S608 - the fragments are constants of ours


class MirrorMissing(RetryableError):
    """The indexer has not written this deployment into the mirror yet."""


@dataclass(frozen=True, slots=True)
class Mirror:
    """The mirror's row of a deployment: its number, the newest block it has, and the hash of the
    first one, if the deployment file names it."""

    deployment: int
    head: int
    head_timestamp_s: int
    first_hash: bytes | None = None


def deployment_key(deployment: Deployment) -> dict[str, Any]:
    """The parameters of DEPLOYMENT and FIRST_HASH."""
    return {
        "chain_id": deployment.chain_id,
        "sportsbook": deployment.sportsbook,
        "first_block": deployment.first_block,
    }


def read_mirror(engine: Engine, deployment: Deployment) -> Mirror:
    """The mirror's row of a deployment. Raises MirrorMissing when the indexer has written none."""
    with engine.connect() as connection:
        rows = read_rows(connection, HEAD, deployment_key(deployment))
    if not rows:
        raise MirrorMissing(
            f"the mirror has no block of deployment {deployment.sportsbook} on chain"
            f" {deployment.chain_id} yet; start the indexer"
        )
    row = rows[0]
    return Mirror(
        deployment=row.id,
        head=row.head_block,
        head_timestamp_s=row.head_timestamp_s or 0,
        first_hash=None if row.first_hash is None else bytes(row.first_hash),
    )


def read_rows(
    connection: Connection, statement: str, parameters: Mapping[str, Any]
) -> Sequence[Row[Any]]:
    """All rows of a statement of this package, over SQLAlchemy."""
    return connection.exec_driver_sql(statement, dict(parameters)).all()


def read_count(connection: Connection, statement: str, parameters: Mapping[str, Any]) -> int:
    """The single number that a statement of this package counts, over SQLAlchemy."""
    return int(connection.exec_driver_sql(statement, dict(parameters)).scalar_one())
