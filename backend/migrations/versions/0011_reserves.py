"""Adds running totals of what accepted slips could take of the house. They are counted anew when a
slip is first submitted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "house_reserve",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("known_block", sa.BigInteger(), nullable=False),
        sa.Column("known_hash", sa.LargeBinary(), nullable=True),
        sa.Column("known_timestamp_s", sa.BigInteger(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("risk_micro", sa.BigInteger(), nullable=False),
        sa.Column("budget_micro", sa.BigInteger(), nullable=False),
        sa.Column("accumulators_micro", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="backend",
    )
    op.create_table(
        "market_reserve",
        sa.Column("market", sa.LargeBinary(), nullable=False),
        sa.Column("risk_micro", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("market"),
        schema="backend",
    )


def downgrade() -> None:
    """Back."""
    op.drop_table("market_reserve", schema="backend")
    op.drop_table("house_reserve", schema="backend")
