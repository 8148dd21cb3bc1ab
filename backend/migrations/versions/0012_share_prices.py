"""Keeps how the price of the bankroll's shares has moved."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "share_price",
        sa.Column("at_s", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("enter_micro", sa.Numeric(78, 0), nullable=False),
        sa.Column("leave_micro", sa.Numeric(78, 0), nullable=False),
        sa.PrimaryKeyConstraint("at_s"),
        schema="backend",
    )


def downgrade() -> None:
    """Back."""
    op.drop_table("share_price", schema="backend")
