"""Keeps the offers to cash out that the house has signed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "cash_out_offer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("bet", sa.SmallInteger(), nullable=False),
        sa.Column("stake_micro", sa.BigInteger(), nullable=False),
        sa.Column("price_micro", sa.BigInteger(), nullable=False),
        sa.Column("budget_micro", sa.BigInteger(), nullable=False),
        sa.Column("offered_at_s", sa.BigInteger(), nullable=False),
        sa.Column("deadline_s", sa.BigInteger(), nullable=False),
        sa.Column("house_signature", sa.LargeBinary(), nullable=False),
        sa.Column("owner_signature", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        schema="backend",
    )
    op.create_index("cash_out_offer_bet_idx", "cash_out_offer", ["batch", "bet"], schema="backend")
    op.create_index(
        "ix_backend_cash_out_offer_deadline_s", "cash_out_offer", ["deadline_s"], schema="backend"
    )
    op.create_table(
        "cash_out_submission",
        sa.Column("offer", sa.Uuid(), nullable=False),
        sa.Column("transaction", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("offer", "transaction"),
        sa.ForeignKeyConstraint(["offer"], ["backend.cash_out_offer.id"]),
        sa.ForeignKeyConstraint(["transaction"], ["backend.chain_transaction.id"]),
        schema="backend",
    )


def downgrade() -> None:
    """Back."""
    op.drop_table("cash_out_submission", schema="backend")
    op.drop_table("cash_out_offer", schema="backend")
