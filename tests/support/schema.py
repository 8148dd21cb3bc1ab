"""Creates databases with the tables of mirror and backend, which the migrations make once."""

from __future__ import annotations

import os
from functools import cache

from sqlalchemy import create_engine

from backend.migrate import migrate as migrate_backend
from indexer.mirror.migrate import migrate as migrate_mirror
from scripts.devnet import Postgres


def create_database_with_tables(postgres: Postgres, name: str) -> str:
    """Create a database with all tables and no rows; returns its URL. It is a copy of a database
    that the migrations made: copying takes a fifth of their time."""
    return postgres.create_database(name, template=_migrated(postgres))


@cache
def _migrated(postgres: Postgres) -> str:
    """The name of a database on this server that was migrated, and that nobody changes."""
    name = f"migrated_{os.getpid()}"
    url = postgres.create_database(name)
    engine = create_engine(url)
    migrate_backend(engine)
    engine.dispose()
    migrate_mirror(url)
    return name
