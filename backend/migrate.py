"""Owns bringing schema `backend` up to date: `python -m backend.migrate`; no other schema."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import OperationalError

SCHEMA = "backend"
VERSION_TABLE = "alembic_version"
FOLDER = Path(__file__).parent / "migrations"

_LOCK = 0xFA1B_0001


def migrate(engine: Engine) -> str:
    """Run what is missing and return the revision. Several at once wait for each other."""
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        command.upgrade(config(connection), "head")
    return head()


def config(connection: Connection) -> Config:
    """Alembic's configuration for work on an open connection."""
    made = _config()
    made.attributes["connection"] = connection
    return made


def head() -> str:
    """The revision that a migrated database has."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    assert found is not None, "the migrations have a first revision"
    return found


def _config() -> Config:
    made = Config()
    made.set_main_option("script_location", str(FOLDER))
    made.set_main_option("path_separator", "os")
    return made


def main() -> int:
    """Exit code 0 when the schema is up to date, 2 when it cannot be brought there."""
    url = os.environ.get("DATABASE_URL")
    if not url:
        print("migrate: set DATABASE_URL in the environment", file=sys.stderr)
        return 2
    engine = create_engine(url)
    try:
        revision = migrate(engine)
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0]
        print(f"migrate: the database of DATABASE_URL does not answer: {reason}", file=sys.stderr)
        return 2
    finally:
        engine.dispose()
    print(f"schema {SCHEMA} is at revision {revision}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
