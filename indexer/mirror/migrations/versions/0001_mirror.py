"""Creates the tables of the mirror."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("deployment", sa.SmallInteger(), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("deployment", "account"),
        sa.UniqueConstraint("deployment", "owner", name="account_deployment_owner_key"),
        schema="mirror",
    )
    op.create_index(
        "account_block_idx",
        "account",
        ["deployment", "block"],
        schema="mirror",
        postgresql_using="brin",
    )
    op.create_table(
        "balance",
        sa.Column("deployment", sa.SmallInteger(), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("balance_micro", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("deployment", "account"),
        schema="mirror",
    )
    op.create_table(
        "batch",
        sa.Column("deployment", sa.SmallInteger(), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(), nullable=False),
        sa.Column("placed", sa.SmallInteger(), nullable=False),
        sa.Column("skipped", sa.SmallInteger(), nullable=False),
        sa.Column("open_bets", sa.SmallInteger(), nullable=False),
        sa.Column("table", sa.LargeBinary(), nullable=False),
        sa.Column("records", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("deployment", "batch"),
        schema="mirror",
    )
    op.create_index(
        "batch_block_idx",
        "batch",
        ["deployment", "block"],
        schema="mirror",
        postgresql_using="brin",
    )
    op.create_index(
        "batch_open_idx",
        "batch",
        ["deployment", "batch"],
        schema="mirror",
        postgresql_where=sa.text("open_bets > 0"),
    )
    op.create_table(
        "bet",
        sa.Column("deployment", sa.SmallInteger(), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("bet", sa.SmallInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("nonce", sa.Integer(), nullable=False),
        sa.Column("stake_micro", sa.BigInteger(), nullable=False),
        sa.Column("accepted_at_s", sa.BigInteger(), nullable=False),
        sa.Column("legs", sa.SmallInteger(), nullable=False),
        sa.Column("payout_max_micro", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("deployment", "batch", "bet"),
        sa.UniqueConstraint(
            "deployment", "account", "nonce", name="bet_deployment_account_nonce_key"
        ),
        schema="mirror",
    )
    op.create_index(
        "bet_block_idx", "bet", ["deployment", "block"], schema="mirror", postgresql_using="brin"
    )
    op.create_table(
        "block",
        sa.Column("deployment", sa.SmallInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("parent_hash", sa.LargeBinary(), nullable=False),
        sa.Column("timestamp_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("deployment", "number"),
        schema="mirror",
    )
    op.create_table(
        "book",
        sa.Column("deployment", sa.SmallInteger(), nullable=False),
        sa.Column("pool_micro", sa.BigInteger(), nullable=False),
        sa.Column("open_stakes_micro", sa.BigInteger(), nullable=False),
        sa.Column("locked_micro", sa.BigInteger(), nullable=False),
        sa.Column("batch_count", sa.BigInteger(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("deployment"),
        schema="mirror",
    )
    op.create_table(
        "deployment",
        sa.Column("id", sa.SmallInteger(), nullable=False),
        sa.Column("chain_id", sa.BigInteger(), nullable=False),
        sa.Column("sportsbook", sa.Text(), nullable=False),
        sa.Column("results", sa.Text(), nullable=False),
        sa.Column("bankroll", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("first_block", sa.BigInteger(), nullable=False),
        sa.Column("head_block", sa.BigInteger(), nullable=True),
        sa.Column("head_hash", sa.LargeBinary(), nullable=True),
        sa.Column("head_timestamp_s", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("chain_id", "sportsbook", name="deployment_chain_id_sportsbook_key"),
        schema="mirror",
    )
    op.create_table(
        "exit_change",
        sa.Column("deployment", sa.SmallInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("amount_micro", sa.BigInteger(), nullable=False),
        sa.Column("unlocks_at_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("deployment", "block", "log_index"),
        schema="mirror",
    )
    op.create_index(
        "exit_change_deployment_account_idx",
        "exit_change",
        ["deployment", "account", "block"],
        schema="mirror",
    )
    op.create_table(
        "exit_request",
        sa.Column("deployment", sa.SmallInteger(), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("amount_micro", sa.BigInteger(), nullable=False),
        sa.Column("unlocks_at_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("deployment", "account"),
        schema="mirror",
    )
    op.create_table(
        "exposure",
        sa.Column("deployment", sa.SmallInteger(), nullable=False),
        sa.Column("market", sa.LargeBinary(), nullable=False),
        sa.Column("payout_0_micro", sa.BigInteger(), nullable=False),
        sa.Column("payout_1_micro", sa.BigInteger(), nullable=False),
        sa.Column("payout_2_micro", sa.BigInteger(), nullable=False),
        sa.Column("stakes_micro", sa.BigInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("deployment", "market"),
        schema="mirror",
    )
    op.create_table(
        "house_movement",
        sa.Column("deployment", sa.SmallInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        sa.Column("delta_micro", sa.BigInteger(), nullable=False),
        sa.Column("receiver", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("deployment", "block", "log_index"),
        schema="mirror",
    )
    op.create_table(
        "leg",
        sa.Column("deployment", sa.SmallInteger(), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("bet", sa.SmallInteger(), nullable=False),
        sa.Column("leg", sa.SmallInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("market", sa.LargeBinary(), nullable=False),
        sa.Column("fixture", sa.LargeBinary(), nullable=False),
        sa.Column("outcome", sa.SmallInteger(), nullable=False),
        sa.Column("odds_e4", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("deployment", "batch", "bet", "leg"),
        schema="mirror",
    )
    op.create_index(
        "leg_block_idx", "leg", ["deployment", "block"], schema="mirror", postgresql_using="brin"
    )
    op.create_index("leg_deployment_market_idx", "leg", ["deployment", "market"], schema="mirror")
    op.create_table(
        "movement",
        sa.Column("deployment", sa.SmallInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("delta_micro", sa.BigInteger(), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=True),
        sa.Column("bet", sa.SmallInteger(), nullable=True),
        sa.Column("by_exit", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("deployment", "block", "log_index", "seq"),
        schema="mirror",
    )
    op.create_index(
        "movement_deployment_account_idx",
        "movement",
        ["deployment", "account", "block", "log_index"],
        schema="mirror",
    )
    op.create_table(
        "result",
        sa.Column("deployment", sa.SmallInteger(), nullable=False),
        sa.Column("fixture", sa.LargeBinary(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("home_half", sa.SmallInteger(), nullable=False),
        sa.Column("away_half", sa.SmallInteger(), nullable=False),
        sa.Column("home_full", sa.SmallInteger(), nullable=False),
        sa.Column("away_full", sa.SmallInteger(), nullable=False),
        sa.Column("settled_at_s", sa.BigInteger(), nullable=False),
        sa.Column("published_at_s", sa.BigInteger(), nullable=False),
        sa.Column("final_at_s", sa.BigInteger(), nullable=False),
        sa.Column("corrected", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("deployment", "fixture"),
        schema="mirror",
    )
    op.create_table(
        "result_change",
        sa.Column("deployment", sa.SmallInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        sa.Column("fixture", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("home_half", sa.SmallInteger(), nullable=False),
        sa.Column("away_half", sa.SmallInteger(), nullable=False),
        sa.Column("home_full", sa.SmallInteger(), nullable=False),
        sa.Column("away_full", sa.SmallInteger(), nullable=False),
        sa.Column("settled_at_s", sa.BigInteger(), nullable=False),
        sa.Column("published_at_s", sa.BigInteger(), nullable=False),
        sa.Column("final_at_s", sa.BigInteger(), nullable=False),
        sa.Column("corrected", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("deployment", "block", "log_index"),
        schema="mirror",
    )
    op.create_index(
        "result_change_deployment_fixture_idx",
        "result_change",
        ["deployment", "fixture", "block"],
        schema="mirror",
    )
    op.create_table(
        "role_change",
        sa.Column("deployment", sa.SmallInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        sa.Column("contract", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("deployment", "block", "log_index"),
        schema="mirror",
    )
    op.create_table(
        "settlement",
        sa.Column("deployment", sa.SmallInteger(), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("bet", sa.SmallInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(), nullable=False),
        sa.Column("payout_micro", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("deployment", "batch", "bet"),
        schema="mirror",
    )
    op.create_index(
        "settlement_block_idx",
        "settlement",
        ["deployment", "block"],
        schema="mirror",
        postgresql_using="brin",
    )
    op.create_table(
        "share_approval",
        sa.Column("deployment", sa.SmallInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("spender", sa.Text(), nullable=False),
        sa.Column("shares", sa.Numeric(precision=78, scale=0), nullable=False),
        sa.PrimaryKeyConstraint("deployment", "block", "log_index"),
        schema="mirror",
    )
    op.create_table(
        "share_movement",
        sa.Column("deployment", sa.SmallInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("assets_micro", sa.BigInteger(), nullable=False),
        sa.Column("shares", sa.Numeric(precision=78, scale=0), nullable=False),
        sa.PrimaryKeyConstraint("deployment", "block", "log_index"),
        schema="mirror",
    )
    op.create_table(
        "share_transfer",
        sa.Column("deployment", sa.SmallInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("shares", sa.Numeric(precision=78, scale=0), nullable=False),
        sa.PrimaryKeyConstraint("deployment", "block", "log_index"),
        schema="mirror",
    )
    op.create_table(
        "skip",
        sa.Column("deployment", sa.SmallInteger(), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.SmallInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("nonce", sa.Integer(), nullable=False),
        sa.Column("reason", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("deployment", "batch", "seq"),
        schema="mirror",
    )
    op.create_index(
        "skip_block_idx", "skip", ["deployment", "block"], schema="mirror", postgresql_using="brin"
    )
    op.create_index(
        "skip_deployment_account_nonce_idx",
        "skip",
        ["deployment", "account", "nonce"],
        schema="mirror",
    )


def downgrade() -> None:
    op.drop_index("skip_deployment_account_nonce_idx", table_name="skip", schema="mirror")
    op.drop_index("skip_block_idx", table_name="skip", schema="mirror", postgresql_using="brin")
    op.drop_table("skip", schema="mirror")
    op.drop_table("share_transfer", schema="mirror")
    op.drop_table("share_movement", schema="mirror")
    op.drop_table("share_approval", schema="mirror")
    op.drop_index(
        "settlement_block_idx", table_name="settlement", schema="mirror", postgresql_using="brin"
    )
    op.drop_table("settlement", schema="mirror")
    op.drop_table("role_change", schema="mirror")
    op.drop_index(
        "result_change_deployment_fixture_idx", table_name="result_change", schema="mirror"
    )
    op.drop_table("result_change", schema="mirror")
    op.drop_table("result", schema="mirror")
    op.drop_index("movement_deployment_account_idx", table_name="movement", schema="mirror")
    op.drop_table("movement", schema="mirror")
    op.drop_index("leg_deployment_market_idx", table_name="leg", schema="mirror")
    op.drop_index("leg_block_idx", table_name="leg", schema="mirror", postgresql_using="brin")
    op.drop_table("leg", schema="mirror")
    op.drop_table("house_movement", schema="mirror")
    op.drop_table("exposure", schema="mirror")
    op.drop_table("exit_request", schema="mirror")
    op.drop_index("exit_change_deployment_account_idx", table_name="exit_change", schema="mirror")
    op.drop_table("exit_change", schema="mirror")
    op.drop_table("deployment", schema="mirror")
    op.drop_table("book", schema="mirror")
    op.drop_table("block", schema="mirror")
    op.drop_index("bet_block_idx", table_name="bet", schema="mirror", postgresql_using="brin")
    op.drop_table("bet", schema="mirror")
    op.drop_index(
        "batch_open_idx",
        table_name="batch",
        schema="mirror",
        postgresql_where=sa.text("open_bets > 0"),
    )
    op.drop_index("batch_block_idx", table_name="batch", schema="mirror", postgresql_using="brin")
    op.drop_table("batch", schema="mirror")
    op.drop_table("balance", schema="mirror")
    op.drop_index(
        "account_block_idx", table_name="account", schema="mirror", postgresql_using="brin"
    )
    op.drop_table("account", schema="mirror")
