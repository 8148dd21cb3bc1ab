"""Owns bringing schema `mirror` to its newest form; must write no row of it."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import NullPool

from indexer.errors import IndexerError
from indexer.tables import SCHEMA

_FOLDER = Path(__file__).resolve().parent / "migrations"
_LOCK = 0x6D_69_72_72_6F_72


def migrate(database_url: str) -> str:
    """Apply what is missing, one process at a time; returns the revision."""
    with _engine(database_url).connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        connection.commit()
        command.upgrade(alembic_config(connection), "head")
        connection.commit()
        return _revision(connection) or ""


def check_migrated(database_url: str) -> None:
    """Raises IndexerError when the database has not the newest form."""
    with _engine(database_url).connect() as connection:
        if _revision(connection) != _newest():
            raise IndexerError(
                "the database is not migrated to what this indexer writes: run"
                " python -m indexer migrate"
            )


def alembic_config(connection: Connection) -> Config:
    """Alembic's settings for work on a connection."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    return config


def _engine(database_url: str) -> Engine:
    return create_engine(database_url, poolclass=NullPool)


def _revision(connection: Connection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table_schema": SCHEMA})
    return context.get_current_revision()


def _newest() -> str | None:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    return ScriptDirectory.from_config(config).get_current_head()
