"""Adds running totals of what accepted slips could take of the house, which are counted when a slip
is next submitted, and an index that finds what is pending of an account."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_PENDING = "slip_account_accepted_at_idx"


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
    op.create_index(_PENDING, "slip", ["account", "accepted_at_s"], schema="backend")


def downgrade() -> None:
    """Back."""
    op.drop_index(_PENDING, table_name="slip", schema="backend")
    op.drop_table("market_reserve", schema="backend")
    op.drop_table("house_reserve", schema="backend")
