"""Stores how many decimals a deployment's token has, and the assets of its bankroll in units of the
token, as ERC-4626 has them. Needs no new sync: until now every token had 6 decimals, with which a
unit is a micro-unit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# As the bankroll computes it: a buyer pays for the whole pool, a seller is paid from what no open
# bet can win; both as if the commission that is due were taken now, in shares at a buyer's price.
# Prices are those of one share,
# which is worth one token at first, in micro-units: `enter_micro` rounded up, `leave_micro` down,
# to what the token can move.
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
         FROM mirror.share_transfer t WHERE t.deployment = d.id) AS supply,
        (SELECT coalesce(sum(m.assets), 0)
         FROM mirror.share_movement m WHERE m.deployment = d.id) AS deposits,
        (SELECT coalesce(max(c.profit_micro), 0)
         FROM mirror.commission c WHERE c.deployment = d.id) AS taken_micro
    FROM mirror.deployment d JOIN mirror.book k ON k.deployment = d.id
    WHERE d.head_block IS NOT NULL
), owed AS (
    SELECT *, div(greatest(free_micro - div(deposits * micro_per_unit, units_per_micro)
            - taken_micro, 0) * commission_bps, 10000) AS commission_micro
    FROM house
), shared AS (
    SELECT *, supply + div(commission_micro * units_per_micro * (supply + 1000000),
        nullif((pool_micro - commission_micro) * units_per_micro + micro_per_unit, 0)) AS shares
    FROM owed
), divided AS (
    SELECT *, nullif((shares + 1000000) * units_per_micro * micro_per_unit, 0) AS parts FROM shared
)
SELECT deployment, block, commission_bps, token_decimals, pool_micro, free_micro, shares,
    div(one * (pool_micro * units_per_micro + micro_per_unit) + parts - 1, parts)
        * micro_per_unit AS enter_micro,
    div(one * (free_micro * units_per_micro + micro_per_unit), parts)
        * micro_per_unit AS leave_micro
FROM divided
"""
_ZERO_ADDRESS = "'0x" + "0" * 40 + "'"


def upgrade() -> None:
    op.execute("DROP VIEW mirror.share_price")
    op.add_column("deployment", sa.Column("token_decimals", sa.SmallInteger()), schema="mirror")
    op.execute("UPDATE mirror.deployment SET token_decimals = 6")
    op.alter_column(
        "share_movement",
        "assets_micro",
        new_column_name="assets",
        type_=sa.Numeric(precision=78, scale=0),
        schema="mirror",
    )
    op.execute(_SHARE_PRICE.format(zero=_ZERO_ADDRESS))


def downgrade() -> None:
    raise RuntimeError(
        "a mirror with tokens of other decimals has no way back to the form without them: use a new"
        " database with an indexer of the version before"
    )
