"""Stores the commission as what is owed and paid in tokens, and takes it off the share price.

Needs no new sync: contracts that took their commission in shares were never deployed for use. A
mirror with rows of such is refused.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# As the bankroll computes it: a buyer pays for the whole pool, a seller is paid from what no open
# bet can win, both without the commission that is owed then, including on profit not yet charged.
# Prices are those of one share, which is worth one token at first, in micro-units: `enter_micro`
# rounded up, `leave_micro` down, to what the token can move. Without a commission rate they are
# null: CASE, unlike least() and greatest(), lets a null through.
_SHARE_PRICE = """
CREATE VIEW mirror.share_price AS
WITH house AS (
    SELECT d.id AS deployment, d.head_block AS block, d.commission_bps, d.token_decimals,
        10::numeric ^ (d.token_decimals + 6) AS one,
        10::numeric ^ greatest(d.token_decimals - 6, 0) AS units_per_micro,
        10::numeric ^ greatest(6 - d.token_decimals, 0) AS micro_per_unit,
        k.pool_micro::numeric AS pool_micro,
        greatest(k.pool_micro::numeric - k.owed_micro - k.locked_micro, 0) AS free_micro,
        (SELECT coalesce(sum(CASE {zero} WHEN t.sender THEN t.shares
                                         WHEN t.receiver THEN -t.shares END), 0)
         FROM mirror.share_transfer t WHERE t.deployment = d.id) AS shares,
        (SELECT coalesce(sum(m.assets), 0)
         FROM mirror.share_movement m WHERE m.deployment = d.id) AS deposits,
        (SELECT coalesce(sum(c.paid_micro), 0)
         FROM mirror.commission c WHERE c.deployment = d.id) AS paid_micro,
        (SELECT coalesce(max(c.high_water_mark_micro), 0)
         FROM mirror.commission c WHERE c.deployment = d.id) AS mark_micro,
        coalesce((SELECT c.owed_micro FROM mirror.commission c WHERE c.deployment = d.id
                  ORDER BY c.block DESC, c.log_index DESC LIMIT 1), 0) AS charged_micro
    FROM mirror.deployment d JOIN mirror.book k ON k.deployment = d.id
    WHERE d.head_block IS NOT NULL
), gained AS (
    SELECT *, div(deposits * micro_per_unit, units_per_micro) - paid_micro AS net_deposits_micro
    FROM house
), charged AS (
    SELECT *, charged_micro - div(mark_micro * commission_bps, 10000)
            + div(greatest(free_micro - net_deposits_micro, mark_micro) * commission_bps, 10000)
            AS due_micro,
        charged_micro - div(mark_micro * commission_bps, 10000)
            + div(greatest(pool_micro - net_deposits_micro, mark_micro) * commission_bps, 10000)
            AS due_at_most_micro
    FROM gained
), owed AS (
    SELECT *, CASE WHEN due_micro > pool_micro THEN pool_micro ELSE due_micro END
            AS commission_micro,
        CASE WHEN due_at_most_micro > pool_micro THEN pool_micro ELSE due_at_most_micro END
            AS max_commission_micro,
        nullif((shares + 1000000) * units_per_micro * micro_per_unit, 0) AS parts
    FROM charged
)
SELECT deployment, block, commission_bps, token_decimals, pool_micro, free_micro, shares,
    net_deposits_micro, commission_micro,
    div(one * ((pool_micro - max_commission_micro) * units_per_micro + micro_per_unit) + parts - 1,
        parts) * micro_per_unit AS enter_micro,
    div(one * (CASE WHEN free_micro < commission_micro THEN 0 ELSE free_micro - commission_micro END
               * units_per_micro + micro_per_unit), parts) * micro_per_unit AS leave_micro
FROM owed
"""
_ZERO_ADDRESS = "'0x" + "0" * 40 + "'"


def upgrade() -> None:
    found = op.get_bind().execute(sa.text("SELECT EXISTS (SELECT FROM mirror.commission)"))
    if found.scalar_one():
        raise RuntimeError(
            "this mirror has commission in shares, of contracts that this indexer does not read:"
            " use a new database"
        )
    op.execute("DROP VIEW mirror.share_price")
    op.drop_table("commission", schema="mirror")
    op.create_table(
        "commission",
        sa.Column("deployment", sa.SmallInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        sa.Column("high_water_mark_micro", sa.BigInteger()),
        sa.Column("paid_micro", sa.BigInteger()),
        sa.Column("owed_micro", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("deployment", "block", "log_index"),
        schema="mirror",
    )
    op.execute(_SHARE_PRICE.format(zero=_ZERO_ADDRESS))


def downgrade() -> None:
    raise RuntimeError(
        "a mirror of commission in tokens has no way back to commission in shares: use a new"
        " database with an indexer of the version before"
    )
