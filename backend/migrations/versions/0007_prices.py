"""Keeps how the odds of each market have moved."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "price",
        sa.Column("market", sa.LargeBinary(), nullable=False),
        sa.Column("at_s", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("odds_e4", ARRAY(sa.BigInteger()), nullable=False),
        sa.PrimaryKeyConstraint("market", "at_s"),
        schema="backend",
    )


def downgrade() -> None:
    """Back."""
    op.drop_table("price", schema="backend")
