"""Makes the tables that the tests of batching and settlement use."""

from __future__ import annotations

from sqlalchemy import create_engine, text
from sqlmodel import SQLModel

from backend.batching.tables import Submission
from backend.settlement.tables import Publication, Reconciliation, SettlementRun
from backend.transactions.tables import ChainTransaction, TransactionAttempt

OWN = (
    ChainTransaction,
    TransactionAttempt,
    Submission,
    Publication,
    SettlementRun,
    Reconciliation,
)

DDL = """
CREATE SCHEMA backend; CREATE SCHEMA mirror;
CREATE TABLE backend.fixture (id bytea PRIMARY KEY, name text, home text, away text,
    competition text, starts_at_s bigint, created_s bigint, status text);
CREATE TABLE backend.market (id bytea PRIMARY KEY, fixture bytea, kind smallint, period smallint,
    line_q smallint, in_play boolean, status text);
CREATE TABLE backend.slip (id uuid PRIMARY KEY, account bigint, nonce int, idempotency_key text,
    stake_micro bigint, min_odds_e4 bigint, deadline_s bigint, struct_hash bytea UNIQUE,
    signature bytea, accepted_at_s bigint, receipt_signature bytea, UNIQUE (account, nonce));
CREATE TABLE backend.slip_leg (slip uuid, leg smallint, market bytea, outcome smallint,
    odds_e4 bigint, PRIMARY KEY (slip, leg));
CREATE TABLE mirror.deployment (id smallint PRIMARY KEY, chain_id bigint, sportsbook text,
    results text, bankroll text, token text, first_block bigint, head_block bigint,
    head_hash bytea, head_timestamp_s bigint);
CREATE TABLE mirror.account (deployment smallint, account bigint, owner text, block bigint,
    log_index int, PRIMARY KEY (deployment, account));
CREATE TABLE mirror.movement (deployment smallint, block bigint, log_index int, seq int,
    account bigint, kind text, delta_micro bigint, batch bigint, bet smallint,
    PRIMARY KEY (deployment, block, log_index, seq));
CREATE TABLE mirror.balance (deployment smallint, account bigint, balance_micro bigint,
    PRIMARY KEY (deployment, account));
CREATE TABLE mirror.batch (deployment smallint, batch bigint, block bigint, log_index int,
    tx_hash bytea, placed smallint, skipped smallint, "table" bytea, records bytea,
    PRIMARY KEY (deployment, batch));
CREATE TABLE mirror.bet (deployment smallint, batch bigint, bet smallint, block bigint,
    account bigint, nonce int, stake_micro bigint, accepted_at_s bigint, legs smallint,
    payout_max_micro bigint, PRIMARY KEY (deployment, batch, bet));
CREATE TABLE mirror.leg (deployment smallint, batch bigint, bet smallint, leg smallint,
    block bigint, market bytea, fixture bytea, outcome smallint, odds_e4 bigint,
    PRIMARY KEY (deployment, batch, bet, leg));
CREATE TABLE mirror.skip (deployment smallint, batch bigint, seq smallint, block bigint,
    account bigint, nonce int, reason smallint, PRIMARY KEY (deployment, batch, seq));
CREATE TABLE mirror.settlement (deployment smallint, batch bigint, bet smallint, block bigint,
    log_index int, tx_hash bytea, payout_micro bigint, PRIMARY KEY (deployment, batch, bet));
CREATE TABLE mirror.result (deployment smallint, fixture bytea, block bigint, log_index int,
    status smallint, home_half smallint, away_half smallint, home_full smallint,
    away_full smallint, settled_at_s bigint, published_at_s bigint, final_at_s bigint,
    corrected boolean, PRIMARY KEY (deployment, fixture, block, log_index));
"""


def make_tables(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.begin() as connection:
        for statement in DDL.split(";"):
            if statement.strip():
                connection.execute(text(statement))
        SQLModel.metadata.create_all(connection, tables=[t.__table__ for t in OWN])  # type: ignore[union-attr]
    engine.dispose()
