"""Adds the quotes that the house has signed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "quote",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("nonce", sa.Integer(), nullable=False),
        sa.Column("asked", sa.LargeBinary(), nullable=False),
        sa.Column("stake_micro", sa.BigInteger(), nullable=False),
        sa.Column("risk_micro", sa.BigInteger(), nullable=False),
        sa.Column("odds_e4", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("quoted_at_s", sa.BigInteger(), nullable=False),
        sa.Column("deadline_s", sa.BigInteger(), nullable=False),
        sa.Column("house_signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="backend",
    )
    op.create_index(
        "quote_account_deadline_idx", "quote", ["account", "deadline_s"], schema="backend"
    )
    op.create_index("ix_backend_quote_deadline_s", "quote", ["deadline_s"], schema="backend")


def downgrade() -> None:
    """Back."""
    op.drop_table("quote", schema="backend")
