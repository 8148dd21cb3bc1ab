"""Adds the events of the third version of the contracts: keys with budgets, limits with notice,
cancelled nonces, relayed requests, bets instead of others, the term of each fixture's council,
and what the bets of decided markets are owed. Needs a new sync: rows of the second version are
dropped, because this indexer does not read their events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_EMPTY = """
DO $$ DECLARE names text; BEGIN
    SELECT string_agg(format('mirror.%I', tablename), ', ') INTO names FROM pg_tables
    WHERE schemaname = 'mirror' AND tablename <> 'alembic_version';
    EXECUTE 'TRUNCATE ' || names;
END $$
"""
# The keys of the house: what each may do, from when, and until when if it was retired.
_HOUSE_KEY = """
CREATE VIEW mirror.house_key AS
SELECT g.deployment, g.address, g.role, g.budget_micro, g.from_s, b.timestamp_s AS until_s,
    g.block, r.block AS retired_block
FROM mirror.key_grant g
LEFT JOIN mirror.key_retirement r USING (deployment, address)
LEFT JOIN mirror.block b ON b.deployment = r.deployment AND b.number = r.block
"""


def upgrade() -> None:
    op.execute(_EMPTY)
    op.alter_column("book", "open_stakes_micro", new_column_name="owed_micro", schema="mirror")
    op.add_column("book", _amount("accumulators_micro"), schema="mirror")
    for name in ("marked_block", "owed_micro"):
        op.add_column("exposure", sa.Column(name, sa.BigInteger(), nullable=True), schema="mirror")
    op.add_column(
        "settlement", sa.Column("replaced", sa.Boolean(), nullable=False), schema="mirror"
    )
    op.add_column("bet", sa.Column("instead_of", sa.BigInteger(), nullable=True), schema="mirror")
    op.drop_index("bet_deployment_account_nonce_key", "bet", schema="mirror")
    op.create_index(
        "bet_deployment_account_nonce_key",
        "bet",
        ["deployment", "account", "nonce"],
        unique=True,
        schema="mirror",
        postgresql_where=sa.text("rest_of IS NULL AND instead_of IS NULL"),
    )
    op.drop_table("caps", schema="mirror")
    _tables()
    op.execute(_HOUSE_KEY)


def _tables() -> None:
    _table(
        "limits",
        ("block", "log_index"),
        _amount("market_cap_micro"),
        _amount("fixture_cap_micro"),
        _amount("accumulator_cap_micro"),
        _amount("receipt_reserve_micro"),
        sa.Column("from_s", sa.BigInteger(), nullable=True),
    )
    _table(
        "cancellation",
        ("block", "log_index"),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("last_nonce", sa.Integer(), nullable=False),
        sa.Column("cancelled_at_s", sa.BigInteger(), nullable=False),
        sa.Index("cancellation_deployment_account_idx", "deployment", "account", "block"),
    )
    _table(
        "relay",
        ("account", "number"),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        _amount("fee_micro"),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Index("relay_block_idx", "deployment", "block", postgresql_using="brin"),
    )
    _table(
        "key_grant",
        ("address",),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("role", sa.SmallInteger(), nullable=False),
        _amount("budget_micro"),
        sa.Column("from_s", sa.BigInteger(), nullable=False),
    )
    _table("key_retirement", ("address",), sa.Column("address", sa.Text(), nullable=False))
    _table(
        "fixture",
        ("fixture",),
        sa.Column("fixture", sa.LargeBinary(), nullable=False),
        sa.Column("term", sa.Integer(), nullable=False),
        sa.Index("fixture_block_idx", "deployment", "block", postgresql_using="brin"),
    )


def _table(name: str, key: tuple[str, ...], *columns: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        sa.Column("deployment", sa.SmallInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("deployment", *key),
        schema="mirror",
    )


def _amount(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def downgrade() -> None:
    raise RuntimeError(
        "the mirror of the third contracts has no way back to the second's form: use a new database"
        " with an indexer of the second"
    )
