"""Adds the events of the second version of the contracts: market ids with a batch, cash-outs,
exclusions, disputes, councils, caps, commission. Needs a new sync: rows of the first version are
dropped, because this indexer does not read their events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_GOALS = ("status", "home_half", "away_half", "home_full", "away_full")
_AT = ("deployment", "block", "log_index")
_EMPTY = """
DO $$ DECLARE names text; BEGIN
    SELECT string_agg(format('mirror.%I', tablename), ', ') INTO names FROM pg_tables
    WHERE schemaname = 'mirror' AND tablename <> 'alembic_version';
    EXECUTE 'TRUNCATE ' || names;
END $$
"""


def upgrade() -> None:
    op.execute(_EMPTY)
    op.alter_column("batch", "table", new_column_name="markets", schema="mirror")
    op.add_column("bet", sa.Column("rest_of", sa.BigInteger(), nullable=True), schema="mirror")
    op.drop_constraint("bet_deployment_account_nonce_key", "bet", schema="mirror", type_="unique")
    op.create_index(
        "bet_deployment_account_nonce_key",
        "bet",
        ["deployment", "account", "nonce"],
        unique=True,
        schema="mirror",
        postgresql_where=sa.text("rest_of IS NULL"),
    )
    op.add_column(
        "settlement", sa.Column("cashed_out", sa.Boolean(), nullable=False), schema="mirror"
    )
    _results()
    _tables()


def _results() -> None:
    op.add_column("result", sa.Column("disputed", sa.Boolean(), nullable=False), schema="mirror")
    op.drop_column("result_change", "corrected", schema="mirror")
    for name in (*_GOALS, "settled_at_s", "published_at_s"):
        op.alter_column("result_change", name, nullable=True, schema="mirror")
    op.add_column("result_change", sa.Column("seq", sa.SmallInteger()), schema="mirror")
    op.add_column("result_change", sa.Column("kind", sa.Text(), nullable=False), schema="mirror")
    op.drop_constraint("result_change_pkey", "result_change", schema="mirror", type_="primary")
    op.create_primary_key("result_change_pkey", "result_change", [*_AT, "seq"], schema="mirror")


def _tables() -> None:
    _table(
        "dispute",
        sa.Column("fixture", sa.LargeBinary(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("bond_micro", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.Boolean(), nullable=True),
        sa.Index("dispute_deployment_fixture_idx", "deployment", "fixture", "block"),
    )
    _table(
        "exclusion",
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("from_s", sa.BigInteger(), nullable=False),
        sa.Column("until_s", sa.BigInteger(), nullable=False),
        sa.Index("exclusion_deployment_account_idx", "deployment", "account", "block"),
    )
    _table(
        "commission",
        sa.Column("profit_micro", sa.BigInteger(), nullable=False),
        sa.Column("commission_micro", sa.BigInteger(), nullable=False),
        sa.Column("shares", sa.Numeric(78, 0), nullable=False),
    )
    _table(
        "council",
        sa.Column("signers", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("threshold", sa.SmallInteger(), nullable=False),
        sa.Column("arbiter", sa.Text(), nullable=False),
        sa.Column("from_s", sa.BigInteger(), nullable=True),
        sa.Column("term", sa.BigInteger(), nullable=True),
    )
    _table(
        "caps",
        sa.Column("market_micro", sa.Numeric(20, 0), nullable=False),
        sa.Column("fixture_micro", sa.Numeric(20, 0), nullable=False),
    )


def _table(name: str, *columns: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        sa.Column("deployment", sa.SmallInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        *columns,
        sa.PrimaryKeyConstraint(*_AT),
        schema="mirror",
    )


def downgrade() -> None:
    raise RuntimeError(
        "the mirror of the second contracts has no way back to the first's form: use a new database"
        " with an indexer of the first"
    )
