"""Real nodes and a real database for the tests of delivery and outbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlmodel import SQLModel

from backend.transactions.tables import ChainTransaction, TransactionAttempt
from tests.support.nodes import TestNode, running_node


@pytest.fixture(scope="module", params=["anvil", "ganache"])
def shared_node(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestNode]:
    """A node that the tests of a module share; `node` sets its chain back after each test."""
    with running_node(request.param, tmp_path_factory.mktemp(request.param)) as started:
        yield started


@pytest.fixture
def node(shared_node: TestNode) -> Iterator[TestNode]:
    """A node whose chain has no transactions."""
    saved = shared_node.rpc("evm_snapshot")
    yield shared_node
    shared_node.rpc("evm_revert", saved)


@pytest.fixture(params=["anvil", "ganache"])
def own_node(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TestNode]:
    """A node of the test's own, which it may restart."""
    with running_node(request.param, tmp_path / "chain") as started:
        yield started


@pytest.fixture
def anvil(tmp_path: Path) -> Iterator[TestNode]:
    """An Anvil of the test's own, which may hold back blocks, set fees and replace blocks."""
    with running_node("anvil", tmp_path / "chain") as started:
        yield started


@pytest.fixture
def capped_anvil(tmp_path: Path) -> Iterator[TestNode]:
    with running_node("anvil-capped", tmp_path / "chain") as started:
        yield started


@pytest.fixture
def database_url(empty_database: str) -> str:
    """A database for one test, with the tables of transactions."""
    engine = create_engine(empty_database)
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA IF NOT EXISTS backend"))
        tables = [ChainTransaction.__table__, TransactionAttempt.__table__]  # type: ignore[attr-defined]
        SQLModel.metadata.create_all(connection, tables=tables)
    engine.dispose()
    return empty_database


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = create_engine(database_url)
    yield made
    made.dispose()
