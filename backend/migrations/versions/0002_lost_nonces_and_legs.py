"""Leaves the nonce of a slip that was never placed to a later one, and counts each slip's legs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_NAME = "slip_account_nonce_key"


def upgrade() -> None:
    """Forward."""
    op.drop_constraint(_NAME, "slip", schema="backend")
    op.create_unique_constraint(
        _NAME, "slip", ["account", "nonce", "accepted_at_s"], schema="backend"
    )
    op.add_column("slip", sa.Column("legs", sa.SmallInteger()), schema="backend")
    op.execute(
        "UPDATE backend.slip s SET legs ="
        " (SELECT count(*) FROM backend.slip_leg l WHERE l.slip = s.id)"
    )
    op.alter_column("slip", "legs", nullable=False, schema="backend")


def downgrade() -> None:
    """Back; fails when a nonce was left to a later slip."""
    op.drop_column("slip", "legs", schema="backend")
    op.drop_constraint(_NAME, "slip", schema="backend")
    op.create_unique_constraint(_NAME, "slip", ["account", "nonce"], schema="backend")
