"""Adds the transactions of movements. Needs no new sync; rows that exist stay without one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("movement", sa.Column("tx_hash", sa.LargeBinary()), schema="mirror")


def downgrade() -> None:
    op.drop_column("movement", "tx_hash", schema="mirror")
