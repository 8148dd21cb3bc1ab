"""Migrates schema `backend`, and no other: `python -m backend.migrate`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import OperationalError

from backend.settings import CONNECT_ARGUMENTS, DatabaseSettings, load_settings
from protocol.database_faults import database_fault

SCHEMA = "backend"
VERSION_TABLE = "alembic_version"
FOLDER = Path(__file__).parent / "migrations"

_LOCK = 0xFA1B_0001


def migrate(engine: Engine) -> str:
    """Run the pending migrations and return the revision. Concurrent runs wait for each other."""
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        command.upgrade(config(connection), "head")
    return head()


def config(connection: Connection) -> Config:
    """Alembic's configuration over an open connection."""
    made = _config()
    made.attributes["connection"] = connection
    return made


def head() -> str:
    """The revision of an up-to-date database."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    assert found is not None, "the migrations have a first revision"
    return found


def _config() -> Config:
    made = Config()
    made.set_main_option("script_location", str(FOLDER))
    made.set_main_option("path_separator", "os")
    return made


def main() -> int:
    """Exit code 0 when the schema is up to date, 2 when it cannot be migrated."""
    ArgumentParser("python -m backend.migrate", description=__doc__).parse_args()
    engine = create_engine(
        load_settings(DatabaseSettings, "migrate").database_url, connect_args=CONNECT_ARGUMENTS
    )
    try:
        revision = migrate(engine)
    except OperationalError as error:
        print(f"migrate: {database_fault(error.orig)}", file=sys.stderr)
        return 2
    finally:
        engine.dispose()
    print(f"schema {SCHEMA} is at revision {revision}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
