"""Creates the first tables of schema `backend`."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "chain_transaction",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("chain_id", sa.BigInteger(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("dedupe_key", sa.String(), nullable=False),
        sa.Column("to_address", sa.String(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("gas_limit", sa.BigInteger(), nullable=False),
        sa.Column("max_fee_wei", sa.Numeric(precision=38, scale=0), nullable=True),
        sa.Column("hash", sa.LargeBinary(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("cancelled", sa.Boolean(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=True),
        sa.Column("block_hash", sa.LargeBinary(), nullable=True),
        sa.Column("gas_used", sa.BigInteger(), nullable=True),
        sa.Column("created_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("chain_id", "sender", "nonce", name="chain_transaction_nonce_key"),
        sa.UniqueConstraint("dedupe_key"),
        schema="backend",
    )
    op.create_index(
        op.f("ix_backend_chain_transaction_hash"),
        "chain_transaction",
        ["hash"],
        unique=False,
        schema="backend",
    )
    op.create_index(
        op.f("ix_backend_chain_transaction_status"),
        "chain_transaction",
        ["status"],
        unique=False,
        schema="backend",
    )
    op.create_table(
        "fixture",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("home", sa.String(), nullable=False),
        sa.Column("away", sa.String(), nullable=False),
        sa.Column("competition", sa.String(), nullable=False),
        sa.Column("starts_at_s", sa.BigInteger(), nullable=False),
        sa.Column("created_s", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        schema="backend",
    )
    op.create_index(
        op.f("ix_backend_fixture_starts_at_s"),
        "fixture",
        ["starts_at_s"],
        unique=False,
        schema="backend",
    )
    op.create_table(
        "reconciliation",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("differences", sa.BigInteger(), nullable=False),
        sa.Column("checked_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        schema="backend",
    )
    op.create_table(
        "slip",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("nonce", sa.Integer(), nullable=False),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.Column("stake_micro", sa.BigInteger(), nullable=False),
        sa.Column("min_odds_e4", sa.BigInteger(), nullable=False),
        sa.Column("deadline_s", sa.BigInteger(), nullable=False),
        sa.Column("struct_hash", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("accepted_at_s", sa.BigInteger(), nullable=False),
        sa.Column("receipt_signature", sa.LargeBinary(), nullable=False),
        sa.Column("payout_max_micro", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account", "idempotency_key", name="slip_account_idempotency_key"),
        sa.UniqueConstraint("account", "nonce", name="slip_account_nonce_key"),
        sa.UniqueConstraint("struct_hash"),
        schema="backend",
    )
    op.create_index(
        op.f("ix_backend_slip_accepted_at_s"),
        "slip",
        ["accepted_at_s"],
        unique=False,
        schema="backend",
    )
    op.create_table(
        "withdrawal",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("amount_micro", sa.BigInteger(), nullable=False),
        sa.Column("deadline_s", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("struct_hash", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("house_signature", sa.LargeBinary(), nullable=False),
        sa.Column("granted_at_s", sa.BigInteger(), nullable=False),
        sa.Column("withdrawals_before", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("struct_hash"),
        schema="backend",
    )
    op.create_index(
        op.f("ix_backend_withdrawal_account"),
        "withdrawal",
        ["account"],
        unique=False,
        schema="backend",
    )
    op.create_table(
        "market",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("fixture", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("period", sa.SmallInteger(), nullable=False),
        sa.Column("line_q", sa.SmallInteger(), nullable=False),
        sa.Column("in_play", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["fixture"],
            ["backend.fixture.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        schema="backend",
    )
    op.create_index(
        op.f("ix_backend_market_fixture"), "market", ["fixture"], unique=False, schema="backend"
    )
    op.create_table(
        "publication",
        sa.Column("fixture", sa.LargeBinary(), nullable=False),
        sa.Column("transaction", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transaction"], ["backend.chain_transaction.id"], ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("fixture", "transaction"),
        schema="backend",
    )
    op.create_index(
        op.f("ix_backend_publication_transaction"),
        "publication",
        ["transaction"],
        unique=False,
        schema="backend",
    )
    op.create_table(
        "settlement_run",
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("first", sa.Integer(), nullable=False),
        sa.Column("transaction", sa.Uuid(), nullable=False),
        sa.Column("bets", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transaction"], ["backend.chain_transaction.id"], ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("batch", "first", "transaction"),
        schema="backend",
    )
    op.create_index(
        op.f("ix_backend_settlement_run_transaction"),
        "settlement_run",
        ["transaction"],
        unique=False,
        schema="backend",
    )
    op.create_table(
        "submission",
        sa.Column("slip", sa.Uuid(), nullable=False),
        sa.Column("transaction", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["slip"], ["backend.slip.id"], name="submission_slip_fkey"),
        sa.ForeignKeyConstraint(
            ["transaction"], ["backend.chain_transaction.id"], ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("slip", "transaction"),
        schema="backend",
    )
    op.create_index(
        op.f("ix_backend_submission_transaction"),
        "submission",
        ["transaction"],
        unique=False,
        schema="backend",
    )
    op.create_table(
        "transaction_attempt",
        sa.Column("transaction", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("max_fee_wei", sa.Numeric(precision=38, scale=0), nullable=False),
        sa.Column("priority_fee_wei", sa.Numeric(precision=38, scale=0), nullable=False),
        sa.Column("cancels", sa.Boolean(), nullable=False),
        sa.Column("created_s", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transaction"], ["backend.chain_transaction.id"], ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("transaction", "number"),
        schema="backend",
    )
    op.create_table(
        "slip_leg",
        sa.Column("slip", sa.Uuid(), nullable=False),
        sa.Column("leg", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("market", sa.LargeBinary(), nullable=False),
        sa.Column("outcome", sa.SmallInteger(), nullable=False),
        sa.Column("odds_e4", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["market"],
            ["backend.market.id"],
        ),
        sa.ForeignKeyConstraint(
            ["slip"],
            ["backend.slip.id"],
        ),
        sa.PrimaryKeyConstraint("slip", "leg"),
        schema="backend",
    )
    op.create_index(
        op.f("ix_backend_slip_leg_market"), "slip_leg", ["market"], unique=False, schema="backend"
    )


def downgrade() -> None:
    """Back."""
    op.drop_index(op.f("ix_backend_slip_leg_market"), table_name="slip_leg", schema="backend")
    op.drop_table("slip_leg", schema="backend")
    op.drop_table("transaction_attempt", schema="backend")
    op.drop_index(
        op.f("ix_backend_submission_transaction"), table_name="submission", schema="backend"
    )
    op.drop_table("submission", schema="backend")
    op.drop_index(
        op.f("ix_backend_settlement_run_transaction"), table_name="settlement_run", schema="backend"
    )
    op.drop_table("settlement_run", schema="backend")
    op.drop_index(
        op.f("ix_backend_publication_transaction"), table_name="publication", schema="backend"
    )
    op.drop_table("publication", schema="backend")
    op.drop_index(op.f("ix_backend_market_fixture"), table_name="market", schema="backend")
    op.drop_table("market", schema="backend")
    op.drop_index(op.f("ix_backend_withdrawal_account"), table_name="withdrawal", schema="backend")
    op.drop_table("withdrawal", schema="backend")
    op.drop_index(op.f("ix_backend_slip_accepted_at_s"), table_name="slip", schema="backend")
    op.drop_table("slip", schema="backend")
    op.drop_table("reconciliation", schema="backend")
    op.drop_index(op.f("ix_backend_fixture_starts_at_s"), table_name="fixture", schema="backend")
    op.drop_table("fixture", schema="backend")
    op.drop_index(
        op.f("ix_backend_chain_transaction_status"),
        table_name="chain_transaction",
        schema="backend",
    )
    op.drop_index(
        op.f("ix_backend_chain_transaction_hash"), table_name="chain_transaction", schema="backend"
    )
    op.drop_table("chain_transaction", schema="backend")
