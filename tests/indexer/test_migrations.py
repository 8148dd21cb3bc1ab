"""The migrations make what the models say, from nothing, and only once.

Branches: models and migrations agree · run twice · several at once · tables as the backend reads
them.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from sqlalchemy import create_engine, text

from indexer.errors import IndexerError
from indexer.migrate import alembic_config, check_migrated, migrate, newest
from tests.backend.batching.schema import DDL


def test_migrations_make_what_the_models_say(fresh_database: str) -> None:
    with pytest.raises(IndexerError):
        check_migrated(fresh_database)
    with ThreadPoolExecutor(3) as pool:
        assert set(pool.map(migrate, [fresh_database] * 3)) == {newest()}
    check_migrated(fresh_database)
    with create_engine(fresh_database).connect() as connection:
        command.check(alembic_config(connection))


def test_tables_have_the_columns_that_the_backend_reads(fresh_database: str) -> None:
    migrate(fresh_database)
    engine = create_engine(fresh_database)
    mine = """SELECT table_name, column_name, data_type FROM information_schema.columns
        WHERE table_schema = 'mirror' ORDER BY 1, 2"""
    with engine.begin() as connection:
        made = {tuple(row) for row in connection.execute(text(mine))}
        connection.execute(text("DROP SCHEMA mirror CASCADE"))
        for statement in DDL.split(";"):
            if statement.strip():
                connection.execute(text(statement))
        wanted = {tuple(row) for row in connection.execute(text(mine))}
    engine.dispose()
    assert wanted - made == set()
