"""Writes the worker's report."""

from __future__ import annotations

from sqlalchemy import Engine, text

from backend.deployment import Deployment
from backend.reports.checks import Found

# The transaction that has to be mined next is the one with the lowest nonce.
_WRITE = text("""
WITH next AS (
    SELECT (SELECT t.id FROM backend.chain_transaction t
            WHERE t.chain_id = :chain_id AND t.sender = :sender AND t.status IN ('prepared', 'sent')
            ORDER BY t.nonce LIMIT 1) AS id)
INSERT INTO backend.house_report AS r (chain_id, sportsbook, faults, delays, delayed_since,
    open_transaction, open_since, batch_max_age_s, batch_window_s, reported_at)
SELECT :chain_id, :sportsbook, :faults, :delays,
       CASE WHEN cardinality(CAST(:delays AS varchar[])) > 0 THEN now() END,
       next.id, CASE WHEN next.id IS NOT NULL THEN now() END, :batch_max_age_s, :batch_window_s,
       now()
FROM next
ON CONFLICT (chain_id, sportsbook) DO UPDATE SET
    faults = excluded.faults,
    delays = excluded.delays,
    delayed_since = CASE WHEN excluded.delayed_since IS NOT NULL
                    THEN coalesce(r.delayed_since, excluded.delayed_since) END,
    open_since = CASE WHEN excluded.open_transaction = r.open_transaction
                 THEN r.open_since ELSE excluded.open_since END,
    open_transaction = excluded.open_transaction,
    batch_max_age_s = excluded.batch_max_age_s,
    batch_window_s = CASE WHEN excluded.batch_window_s > 0 THEN excluded.batch_window_s
                     ELSE r.batch_window_s END,
    reported_at = excluded.reported_at
""")


def write_report(
    engine: Engine,
    deployment: Deployment,
    sender: str,
    found: Found,
    batch_max_age_s: int,
    batch_window_s: int,
) -> None:
    """Replace the report; a `batch_window_s` of 0 is not known now, and the one before stays."""
    with engine.begin() as connection:
        connection.execute(
            _WRITE,
            {
                "chain_id": deployment.chain_id,
                "sportsbook": deployment.sportsbook,
                "sender": sender,
                "faults": found.faults,
                "delays": found.delays,
                "batch_max_age_s": batch_max_age_s,
                "batch_window_s": batch_window_s,
            },
        )
