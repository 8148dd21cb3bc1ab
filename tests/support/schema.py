"""Creates the tables of mirror and backend by their migrations."""

from __future__ import annotations

from sqlalchemy import create_engine

from backend.migrate import migrate as migrate_backend
from indexer.mirror.migrate import migrate as migrate_mirror


def make_tables(database_url: str) -> None:
    engine = create_engine(database_url)
    migrate_backend(engine)
    engine.dispose()
    migrate_mirror(database_url)
