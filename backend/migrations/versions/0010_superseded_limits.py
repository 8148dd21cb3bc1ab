"""Marks limits that can no longer count, and finds the offer of a transaction by an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_INDEX = "limit_change_account_idx"
_OFFERS = "ix_backend_cash_out_submission_transaction"


def upgrade() -> None:
    """Forward."""
    op.add_column(
        "limit_change",
        sa.Column("superseded", sa.Boolean(), server_default="false", nullable=False),
        schema="backend",
    )
    op.drop_index(_INDEX, table_name="limit_change", schema="backend")
    op.create_index(
        _INDEX,
        "limit_change",
        ["account", "id"],
        schema="backend",
        postgresql_where=sa.text("NOT superseded"),
    )
    op.create_index(_OFFERS, "cash_out_submission", ["transaction"], schema="backend")


def downgrade() -> None:
    """Back."""
    op.drop_index(_OFFERS, table_name="cash_out_submission", schema="backend")
    op.drop_index(_INDEX, table_name="limit_change", schema="backend")
    op.create_index(_INDEX, "limit_change", ["account", "id"], schema="backend")
    op.drop_column("limit_change", "superseded", schema="backend")
