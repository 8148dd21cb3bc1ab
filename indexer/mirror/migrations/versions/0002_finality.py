"""Adds what is confirmed and what is final. Needs no new sync: the indexer sets it with the next
block."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_COLUMNS = (
    ("confirmed_block", sa.BigInteger()),
    ("final_block", sa.BigInteger()),
    ("final_hash", sa.LargeBinary()),
)
_STAGES = """
CREATE VIEW mirror.block_stage AS
SELECT b.deployment, b.number, b.hash, b.timestamp_s,
    CASE WHEN b.number <= d.final_block THEN 'final'
         WHEN b.number <= d.confirmed_block THEN 'confirmed'
         ELSE 'tentative' END AS stage
FROM mirror.block b JOIN mirror.deployment d ON d.id = b.deployment
"""


def upgrade() -> None:
    for name, kind in _COLUMNS:
        op.add_column("deployment", sa.Column(name, kind, nullable=True), schema="mirror")
    op.execute(_STAGES)


def downgrade() -> None:
    op.execute("DROP VIEW mirror.block_stage")
    for name, _ in reversed(_COLUMNS):
        op.drop_column("deployment", name, schema="mirror")
