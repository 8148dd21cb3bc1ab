"""Keeps what the worker reports of itself, its key and the chain, for the API's acceptance, and
when a transaction has an effect."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

VALIDITY = ("valid_from_s", "valid_until_s")


def upgrade() -> None:
    """Forward."""
    for name in VALIDITY:
        op.add_column(
            "chain_transaction", sa.Column(name, sa.BigInteger(), nullable=True), schema="backend"
        )
    op.create_table(
        "house_report",
        sa.Column("chain_id", sa.BigInteger(), nullable=False),
        sa.Column("sportsbook", sa.String(), nullable=False),
        sa.Column("faults", ARRAY(sa.String()), nullable=False),
        sa.Column("delays", ARRAY(sa.String()), nullable=False),
        sa.Column("delayed_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("open_transaction", sa.Uuid(), nullable=True),
        sa.Column("open_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("batch_max_age_s", sa.Integer(), nullable=False),
        sa.Column("batch_window_s", sa.Integer(), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("chain_id", "sportsbook"),
        schema="backend",
    )


def downgrade() -> None:
    """Back."""
    for name in VALIDITY:
        op.drop_column("chain_transaction", name, schema="backend")
    op.drop_table("house_report", schema="backend")
