"""Adds the payments of bonds. Needs no new sync: contracts that emit the event are
newer than the mirror before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bond_payment",
        sa.Column("deployment", sa.SmallInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("amount_micro", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("deployment", "block", "log_index"),
        schema="mirror",
    )


def downgrade() -> None:
    op.drop_table("bond_payment", schema="mirror")
