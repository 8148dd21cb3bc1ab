"""Keeps the deposits and requests that owners have signed for the house to send."""

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
        "relay",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=True),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Numeric(78, 0), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.Column("valid_after_s", sa.BigInteger(), nullable=True),
        sa.Column("deadline_s", sa.BigInteger(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("gas", sa.BigInteger(), nullable=False),
        sa.Column("received_at_s", sa.BigInteger(), nullable=False),
        sa.Column("counted_at_s", sa.BigInteger(), nullable=False),
        sa.Column("reverting_since_s", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hash"),
        schema="backend",
    )
    op.create_index("relay_owner_idx", "relay", ["owner", "id"], schema="backend")
    op.create_index("relay_counted_at_idx", "relay", ["counted_at_s"], schema="backend")
    op.create_index("ix_backend_relay_deadline_s", "relay", ["deadline_s"], schema="backend")
    op.create_table(
        "relay_submission",
        sa.Column("relay", sa.BigInteger(), nullable=False),
        sa.Column("transaction", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("relay", "transaction"),
        sa.ForeignKeyConstraint(["relay"], ["backend.relay.id"]),
        sa.ForeignKeyConstraint(["transaction"], ["backend.chain_transaction.id"]),
        schema="backend",
    )
    op.create_index(
        "ix_backend_relay_submission_transaction",
        "relay_submission",
        ["transaction"],
        schema="backend",
    )


def downgrade() -> None:
    """Back."""
    op.drop_table("relay_submission", schema="backend")
    op.drop_table("relay", schema="backend")
