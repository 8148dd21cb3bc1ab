"""The migrations create what the models declare, once.

Branches: models and migrations agree · run twice · several at once · a mirror of earlier contracts.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from sqlalchemy import create_engine, text

from indexer.errors import IndexerError
from indexer.mirror.migrate import alembic_config, check_migrated, migrate, newest


def test_migrations_create_what_the_models_declare(empty_database: str) -> None:
    with pytest.raises(IndexerError):
        check_migrated(empty_database)
    with ThreadPoolExecutor(3) as pool:
        assert set(pool.map(migrate, [empty_database] * 3)) == {newest()}
    check_migrated(empty_database)
    with create_engine(empty_database).connect() as connection:
        command.check(alembic_config(connection))


def test_mirror_of_earlier_contracts_is_emptied(empty_database: str) -> None:
    with create_engine(empty_database).connect() as connection:
        connection.execute(text("CREATE SCHEMA IF NOT EXISTS mirror"))
        command.upgrade(alembic_config(connection), "0005")
        connection.execute(text("INSERT INTO mirror.book VALUES (1, 5, 4, 3, 2, false)"))
        connection.execute(
            text("INSERT INTO mirror.deployment VALUES (1, 1, 'a', 'b', 'c', 'd', 0)")
        )
        command.upgrade(alembic_config(connection), "head")
        for table in ("deployment", "book"):
            assert connection.scalar(text(f"SELECT count(*) FROM mirror.{table}")) == 0
