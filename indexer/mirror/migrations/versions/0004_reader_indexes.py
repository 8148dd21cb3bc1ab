"""What made a first sync slower than it need be: two indexes of readers, which the indexer makes
once it has caught up, and compressed records of batches, which took longer than to write them.
Needs no new sync: a mirror that has rows keeps its indexes, and these rows stay as they are."""

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
