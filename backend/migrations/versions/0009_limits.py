"""Keeps the limits that owners set themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "limit_change",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("set_s", sa.BigInteger(), nullable=False),
        sa.Column("from_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="backend",
    )
    op.create_index("limit_change_account_idx", "limit_change", ["account", "id"], schema="backend")


def downgrade() -> None:
    """Back."""
    op.drop_table("limit_change", schema="backend")
