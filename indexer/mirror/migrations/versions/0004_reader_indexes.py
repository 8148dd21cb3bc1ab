"""Speeds up a first sync: drops two indexes that only readers need, which the indexer builds once
it has caught up, and stores the records of batches uncompressed, since compressing took longer than
writing. Needs no new sync: a mirror with rows keeps its indexes, and its rows do not change."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_INDEXES = {
    "movement_deployment_account_idx": "movement (deployment, account, block, log_index)",
    "leg_deployment_market_idx": "leg (deployment, market)",
}


def upgrade() -> None:
    op.execute("ALTER TABLE mirror.batch ALTER records SET STORAGE EXTERNAL")
    if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM mirror.movement)")):
        return
    for name in _INDEXES:
        op.execute(f"DROP INDEX mirror.{name}")


def downgrade() -> None:
    op.execute("ALTER TABLE mirror.batch ALTER records SET STORAGE EXTENDED")
    for name, columns in _INDEXES.items():
        op.execute(f"CREATE INDEX IF NOT EXISTS {name} ON mirror.{columns}")
