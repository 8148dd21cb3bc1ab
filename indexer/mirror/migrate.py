"""Migrates schema `mirror` to its newest revision; writes no rows.

Alembic is imported only where it runs, because its import takes a third of an indexer's start.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import NullPool

from indexer.errors import IndexerError
from indexer.mirror.tables import SCHEMA

if TYPE_CHECKING:
    from alembic.config import Config

_FOLDER = Path(__file__).resolve().parent / "migrations"
_REVISION = "SELECT version_num FROM mirror.alembic_version"
_LOCK = 0x6D_69_72_72_6F_72


def migrate(database_url: str) -> str:
    """Apply missing migrations, one process at a time; returns the revision."""
    from alembic import command

    with _engine(database_url).connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        connection.commit()
        command.upgrade(alembic_config(connection), "head")
        connection.commit()
        return newest()


def check_migrated(database_url: str) -> None:
    """Raises IndexerError when the database is not at the newest revision."""
    url = database_url.replace("postgresql+psycopg://", "postgresql://", 1)
    with psycopg.connect(url) as connection:
        try:
            row = connection.execute(_REVISION).fetchone()
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            row = None
    if row is None or row[0] != newest():
        raise IndexerError(
            "the database is not at the revision that this indexer needs: run"
            " python -m indexer migrate"
        )


def alembic_config(connection: Connection) -> Config:
    """Alembic's configuration for a connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    return config


def newest() -> str:
    """The newest revision, by the numbers of the files."""
    return max(path.name[:4] for path in (_FOLDER / "versions").glob("[0-9]*_*.py"))


def _engine(database_url: str) -> Engine:
    return create_engine(database_url, poolclass=NullPool)
