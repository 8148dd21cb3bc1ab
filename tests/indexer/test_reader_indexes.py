"""Reader indexes are built when a mirror has caught up, and not before.

Branches: new mirror · caught up · a process that died before it built them · a table that another
transaction writes · an index that the database refuses · two processes · existing rows.
"""

from __future__ import annotations

import psycopg
import pytest
from alembic import command
from sqlalchemy import create_engine, text

from indexer.mirror.migrate import alembic_config, migrate
from indexer.mirror.reader_indexes import _LOCK, READER_INDEXES
from scripts.devnet.postgres import plain_url
from tests.indexer.mirror import Mirror
from tests.support.house import House

BUILT = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
WHERE indisvalid AND indexrelid::regclass::text = ANY(%s)
"""
NAMES = [f"mirror.{name}" for name in READER_INDEXES]
ANVIL = pytest.mark.parametrize("shared_house", ["anvil"], indirect=True)


def built(url: str) -> dict[str, str]:
    with psycopg.connect(url) as connection:
        return {str(name): str(text) for name, text in connection.execute(BUILT, (NAMES,))}


@ANVIL
def test_indexes_are_built_when_the_mirror_has_caught_up(mirror: Mirror) -> None:
    mirror.sync._length.blocks = 4
    mirror.sync.advance(lambda: False)
    assert mirror.sync.head is not None
    assert built(mirror.url) == {}
    # Also when every call finds a new block, so that the indexer is never idle.
    assert mirror.sync.advance()
    found = built(mirror.url)
    assert sorted(found) == sorted(NAMES)
    for name, columns in READER_INDEXES.items():
        assert found[f"mirror.{name}"].endswith("USING btree " + columns[columns.index("(") :])


@ANVIL
@pytest.mark.parametrize("blocks", [0, 1])
def test_next_process_builds_missing_indexes(house: House, mirror: Mirror, blocks: int) -> None:
    mirror.catch_up()
    with psycopg.connect(mirror.url) as connection:
        connection.execute(f"DROP INDEX {NAMES[0]}")
    mirror.restart()
    house.node.mine(blocks)
    mirror.catch_up()
    assert sorted(built(mirror.url)) == sorted(NAMES)


@ANVIL
def test_index_waits_for_writers_of_its_table(house: House, mirror: Mirror) -> None:
    mirror.sync._length.blocks = 4
    mirror.sync.advance(lambda: False)
    with psycopg.connect(mirror.url) as other:
        other.execute("LOCK TABLE mirror.leg IN ROW EXCLUSIVE MODE")
        mirror.catch_up()
        assert sorted(built(mirror.url)) == ["mirror.movement_deployment_account_idx"]
        # No writer queues behind it meanwhile, and it is not retried with every block.
        attempt = mirror.sync._indexes.next_attempt_at
        house.node.mine()
        mirror.catch_up()
        assert mirror.sync._indexes.next_attempt_at == attempt
    mirror.sync._indexes.next_attempt_at = 0
    mirror.catch_up()
    assert sorted(built(mirror.url)) == sorted(NAMES)


@ANVIL
def test_mirror_continues_without_an_index_that_the_database_refuses(
    house: House, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(READER_INDEXES, "leg_deployment_market_idx", "leg (deployment, nothing)")
        mirror.catch_up()
        assert sorted(built(mirror.url)) == ["mirror.movement_deployment_account_idx"]
    house.node.mine()
    mirror.sync._indexes.next_attempt_at = 0
    mirror.catch_up()
    assert sorted(built(mirror.url)) == sorted(NAMES)


@ANVIL
def test_one_process_at_a_time_builds_indexes(mirror: Mirror) -> None:
    with psycopg.connect(mirror.url) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        mirror.catch_up()
        assert built(mirror.url) == {}
    mirror.sync._indexes.next_attempt_at = 0
    mirror.catch_up()
    assert sorted(built(mirror.url)) == sorted(NAMES)


@pytest.mark.parametrize("rows", [0, 1])
def test_migration_keeps_indexes_of_a_mirror_with_rows(empty_database: str, rows: int) -> None:
    with create_engine(empty_database).connect() as connection:
        connection.execute(text("CREATE SCHEMA mirror"))
        command.upgrade(alembic_config(connection), "0003")
        connection.commit()
    url = plain_url(empty_database)
    with psycopg.connect(url, autocommit=True) as writer:
        writer.execute(
            "INSERT INTO mirror.movement SELECT 1, 1, 0, 0, n, 'deposit', 5 FROM"
            " generate_series(1, %s) AS n",
            (rows,),
        )
    migrate(empty_database)
    assert len(built(url)) == (len(NAMES) if rows else 0)
