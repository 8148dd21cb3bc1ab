"""Keeps which attempts a node took, what transactions paid, and the fee cap that a refusal
taught."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_WEI = sa.Numeric(38, 0)


def upgrade() -> None:
    """Forward. Of the attempts so far, those of a transaction that was sent count as taken."""
    op.add_column(
        "transaction_attempt",
        sa.Column("taken", sa.Boolean(), nullable=False, server_default=sa.false()),
        schema="backend",
    )
    op.execute(
        "UPDATE backend.transaction_attempt a SET taken = true FROM backend.chain_transaction t"
        " WHERE t.id = a.transaction AND t.status <> 'prepared'"
    )
    for name, kind in (("fee_cap_wei", _WEI), ("fee_wei", _WEI), ("included_s", sa.BigInteger())):
        op.add_column("chain_transaction", sa.Column(name, kind, nullable=True), schema="backend")
    op.create_index(
        "chain_transaction_fee_cap_idx",
        "chain_transaction",
        ["chain_id", "created_s"],
        schema="backend",
        postgresql_where=sa.text("fee_cap_wei IS NOT NULL"),
    )
    op.create_index(
        "chain_transaction_included_idx",
        "chain_transaction",
        ["included_s"],
        schema="backend",
    )


def downgrade() -> None:
    """Back."""
    for name in ("chain_transaction_included_idx", "chain_transaction_fee_cap_idx"):
        op.drop_index(name, table_name="chain_transaction", schema="backend")
    for name in ("included_s", "fee_wei", "fee_cap_wei"):
        op.drop_column("chain_transaction", name, schema="backend")
    op.drop_column("transaction_attempt", "taken", schema="backend")
