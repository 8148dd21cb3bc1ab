"""Finds fixtures in the facts by a key of the source, follows their moves, and keeps the operator's
decisions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

GOALS = ("home_half", "away_half", "home_full", "away_full")


def upgrade() -> None:
    """Forward."""
    op.add_column("fixture", sa.Column("source_key", sa.String(), nullable=True), schema="backend")
    op.add_column(
        "fixture", sa.Column("moved_to_s", sa.BigInteger(), nullable=True), schema="backend"
    )
    op.create_index(
        op.f("ix_backend_fixture_source_key"), "fixture", ["source_key"], schema="backend"
    )
    op.create_table(
        "decision",
        sa.Column("fixture", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("minute", sa.Integer(), nullable=True),
        *(sa.Column(name, sa.Integer(), nullable=True) for name in GOALS),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("made_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("fixture"),
        schema="backend",
    )


def downgrade() -> None:
    """Back."""
    op.drop_table("decision", schema="backend")
    op.drop_index(op.f("ix_backend_fixture_source_key"), table_name="fixture", schema="backend")
    op.drop_column("fixture", "moved_to_s", schema="backend")
    op.drop_column("fixture", "source_key", schema="backend")
