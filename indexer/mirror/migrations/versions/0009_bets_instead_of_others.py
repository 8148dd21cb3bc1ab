"""Adds an index of the bets that receipts placed instead of others. They are few, and readers look
for one by account and nonce whenever they look for a slip's bet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "bet_instead_idx",
        "bet",
        ["deployment", "account", "nonce"],
        schema="mirror",
        postgresql_where=sa.text("instead_of IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("bet_instead_idx", "bet", schema="mirror")
