"""Keeps the gas cap that a refused transaction taught."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.add_column(
        "chain_transaction", sa.Column("gas_cap", sa.BigInteger(), nullable=True), schema="backend"
    )
    op.create_index(
        "chain_transaction_gas_cap_idx",
        "chain_transaction",
        ["chain_id", "created_s"],
        schema="backend",
        postgresql_where=sa.text("gas_cap IS NOT NULL"),
    )


def downgrade() -> None:
    """Back."""
    op.drop_index("chain_transaction_gas_cap_idx", table_name="chain_transaction", schema="backend")
    op.drop_column("chain_transaction", "gas_cap", schema="backend")
