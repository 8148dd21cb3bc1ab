"""Real nodes and a real database for the tests of delivery and outbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlmodel import SQLModel

from backend.transactions.tables import ChainTransaction, TransactionAttempt
from tests.support.nodes import TestNode, running_node


@pytest.fixture(params=["anvil", "ganache"])
def node(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TestNode]:
    with running_node(request.param, tmp_path / "chain") as started:
        yield started


@pytest.fixture
def anvil(tmp_path: Path) -> Iterator[TestNode]:
    with running_node("anvil", tmp_path / "chain") as started:
        yield started


@pytest.fixture
def capped_anvil(tmp_path: Path) -> Iterator[TestNode]:
    with running_node("anvil-capped", tmp_path / "chain") as started:
        yield started


@pytest.fixture
def database_url(fresh_database: str) -> str:
    """A database for one test, with the tables of transactions."""
    engine = create_engine(fresh_database)
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA IF NOT EXISTS backend"))
        tables = [ChainTransaction.__table__, TransactionAttempt.__table__]  # type: ignore[attr-defined]
        SQLModel.metadata.create_all(connection, tables=tables)
    engine.dispose()
    return fresh_database


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = create_engine(database_url)
    yield made
    made.dispose()
