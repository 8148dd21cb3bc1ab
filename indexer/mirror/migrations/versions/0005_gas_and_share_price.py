"""Adds the gas of batches and the price of a bankroll share. Needs no new sync: the transactions
come from existing rows, and the indexer reads their receipts; it stores the commission rate when it
starts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_KEY = ("deployment", "block", "tx_hash")
_TRANSACTIONS = """
INSERT INTO mirror.transaction (deployment, block, tx_hash, slips, settled)
SELECT deployment, block, tx_hash, sum(slips), sum(settled) FROM (
    SELECT deployment, block, tx_hash, placed + skipped AS slips, 0 AS settled FROM mirror.batch
    UNION ALL
    SELECT deployment, block, tx_hash, 0, 1 FROM mirror.settlement) AS part
GROUP BY deployment, block, tx_hash
"""
# A transaction's gas, divided evenly among the slips that it carried and the bets that it settled
# or cashed out, in whole units; null until all receipts of the batch are read.
_BATCH_GAS = """
CREATE VIEW mirror.batch_gas AS
SELECT b.deployment, b.batch, b.placed, b.skipped, b.open_bets,
    p.gas AS placing_gas, p.gas * p.gas_price_wei::numeric AS placing_wei,
    s.gas AS settling_gas, s.wei AS settling_wei
FROM mirror.batch b
LEFT JOIN LATERAL (
    SELECT t.gas_used * (b.placed + b.skipped) / nullif(t.slips + t.settled, 0) AS gas,
        t.gas_price_wei
    FROM mirror.transaction t
    WHERE t.deployment = b.deployment AND t.block = b.block AND t.tx_hash = b.tx_hash
) AS p ON true
CROSS JOIN LATERAL (
    SELECT CASE WHEN count(*) = count(gas) THEN coalesce(sum(gas), 0)::bigint END AS gas,
        CASE WHEN count(*) = count(wei) THEN coalesce(sum(wei), 0) END AS wei
    FROM (SELECT share.gas, share.gas * t.gas_price_wei::numeric AS wei
          FROM (SELECT e.block, e.tx_hash, count(*) AS bets FROM mirror.settlement e
                WHERE e.deployment = b.deployment AND e.batch = b.batch
                GROUP BY e.block, e.tx_hash) AS ended
          LEFT JOIN mirror.transaction t ON t.deployment = b.deployment AND t.block = ended.block
              AND t.tx_hash = ended.tx_hash
          CROSS JOIN LATERAL (
              SELECT t.gas_used * ended.bets / (t.slips + t.settled) AS gas) AS share) AS shared
) AS s
"""
# As the bankroll computes it: a buyer pays for the whole pool, a seller is paid from what no open
# bet can win; both as if the commission that is due were taken now. Prices are those of one share,
# 10^12 of its units: `enter_micro` rounded up, `leave_micro` rounded down.
_SHARE_PRICE = """
CREATE VIEW mirror.share_price AS
WITH house AS (
    SELECT d.id AS deployment, d.head_block AS block, d.commission_bps,
        k.pool_micro::numeric AS pool_micro,
        greatest(k.pool_micro::numeric - k.open_stakes_micro - k.locked_micro, 0) AS free_micro,
        (SELECT coalesce(sum(CASE {zero} WHEN t.sender THEN t.shares
                                         WHEN t.receiver THEN -t.shares END), 0)
         FROM mirror.share_transfer t WHERE t.deployment = d.id) AS supply,
        (SELECT coalesce(sum(m.assets_micro), 0)
         FROM mirror.share_movement m WHERE m.deployment = d.id) AS deposits_micro,
        (SELECT coalesce(max(c.profit_micro), 0)
         FROM mirror.commission c WHERE c.deployment = d.id) AS taken_micro
    FROM mirror.deployment d JOIN mirror.book k ON k.deployment = d.id
    WHERE d.head_block IS NOT NULL
), owed AS (
    SELECT *, div(greatest(free_micro - deposits_micro - taken_micro, 0) * commission_bps, 10000)
        AS commission_micro
    FROM house
), shared AS (
    SELECT *, supply + div(commission_micro * (supply + 1000000),
        nullif(free_micro - commission_micro + 1, 0)) AS shares
    FROM owed
), divided AS (
    SELECT *, nullif(shares + 1000000, 0) AS parts FROM shared
)
SELECT deployment, block, commission_bps, pool_micro, free_micro, shares,
    div(1000000000000 * (pool_micro + 1) + parts - 1, parts) AS enter_micro,
    div(1000000000000 * (free_micro + 1), parts) AS leave_micro
FROM divided
"""
_ZERO_ADDRESS = "'0x" + "0" * 40 + "'"


def upgrade() -> None:
    op.create_table(
        "transaction",
        sa.Column("deployment", sa.SmallInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(), nullable=False),
        sa.Column("slips", sa.Integer(), nullable=False),
        sa.Column("settled", sa.Integer(), nullable=False),
        sa.Column("gas_used", sa.BigInteger(), nullable=True),
        sa.Column("gas_price_wei", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint(*_KEY),
        sa.Index("transaction_unread_idx", *_KEY, postgresql_where=sa.text("gas_used IS NULL")),
        schema="mirror",
    )
    op.execute(_TRANSACTIONS)
    op.execute(_BATCH_GAS)
    # Last: whoever reads how far the mirror is waits from here on.
    op.add_column("deployment", sa.Column("commission_bps", sa.SmallInteger()), schema="mirror")
    op.execute(_SHARE_PRICE.format(zero=_ZERO_ADDRESS))


def downgrade() -> None:
    op.execute("DROP VIEW mirror.share_price")
    op.execute("DROP VIEW mirror.batch_gas")
    op.drop_table("transaction", schema="mirror")
    op.drop_column("deployment", "commission_bps", schema="mirror")
