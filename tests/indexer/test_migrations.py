"""The migrations create what the models declare, once.

Branches: models and migrations agree · run twice · several at once.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from sqlalchemy import create_engine

from indexer.errors import IndexerError
from indexer.mirror.migrate import alembic_config, check_migrated, migrate, newest


def test_migrations_create_what_the_models_declare(fresh_database: str) -> None:
    with pytest.raises(IndexerError):
        check_migrated(fresh_database)
    with ThreadPoolExecutor(3) as pool:
        assert set(pool.map(migrate, [fresh_database] * 3)) == {newest()}
    check_migrated(fresh_database)
    with create_engine(fresh_database).connect() as connection:
        command.check(alembic_config(connection))
