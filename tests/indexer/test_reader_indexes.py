"""Indexes that readers need come when a mirror has caught up, and not before.

Branches: new mirror · caught up · a process that died before it made them · a table that another
transaction writes · an index that is refused · two processes · rows from before.
"""

from __future__ import annotations

import psycopg
import pytest
from alembic import command
from sqlalchemy import create_engine, text

from indexer.mirror.migrate import alembic_config, migrate
from indexer.mirror.reader_indexes import _LOCK, READER_INDEXES
from scripts.devnet.postgres import plain_url
from tests.indexer.house import House
from tests.indexer.mirror import Mirror

MADE = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
WHERE indisvalid AND indexrelid::regclass::text = ANY(%s)
"""
NAMES = [f"mirror.{name}" for name in READER_INDEXES]
ANVIL = pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)


def made(url: str) -> dict[str, str]:
    with psycopg.connect(url) as connection:
        return {str(name): str(text) for name, text in connection.execute(MADE, (NAMES,))}


@ANVIL
def test_indexes_are_made_when_the_mirror_has_caught_up(mirror: Mirror) -> None:
    mirror.sync._length.blocks = 4
    mirror.sync.advance(lambda: False)
    assert mirror.sync.head is not None
    assert made(mirror.url) == {}
    # Where a block comes with every look at the node, there is never nothing to do.
    assert mirror.sync.advance()
    found = made(mirror.url)
    assert sorted(found) == sorted(NAMES)
    for name, columns in READER_INDEXES.items():
        assert found[f"mirror.{name}"].endswith("USING btree " + columns[columns.index("(") :])


@ANVIL
@pytest.mark.parametrize("blocks", [0, 1])
def test_indexes_are_made_by_the_next_process(house: House, mirror: Mirror, blocks: int) -> None:
    mirror.catch_up()
    with psycopg.connect(mirror.url) as connection:
        connection.execute(f"DROP INDEX {NAMES[0]}")
    mirror.restart()
    house.book.node.mine(blocks)
    mirror.catch_up()
    assert sorted(made(mirror.url)) == sorted(NAMES)


@ANVIL
def test_index_waits_for_who_writes_its_table(house: House, mirror: Mirror) -> None:
    mirror.sync._length.blocks = 4
    mirror.sync.advance(lambda: False)
    with psycopg.connect(mirror.url) as other:
        other.execute("LOCK TABLE mirror.leg IN ROW EXCLUSIVE MODE")
        mirror.catch_up()
        assert sorted(made(mirror.url)) == ["mirror.movement_deployment_account_idx"]
        # Nobody stands behind it meanwhile, and it is not tried again with every block.
        asked = mirror.sync._make_indexes_at
        house.book.node.mine()
        mirror.catch_up()
        assert mirror.sync._make_indexes_at == asked
    mirror.sync._make_indexes_at = 0
    mirror.catch_up()
    assert sorted(made(mirror.url)) == sorted(NAMES)


@ANVIL
def test_mirror_goes_on_without_an_index_that_the_database_refuses(
    house: House, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(READER_INDEXES, "leg_deployment_market_idx", "leg (deployment, nothing)")
        mirror.catch_up()
        assert sorted(made(mirror.url)) == ["mirror.movement_deployment_account_idx"]
    house.book.node.mine()
    mirror.sync._make_indexes_at = 0
    mirror.catch_up()
    assert sorted(made(mirror.url)) == sorted(NAMES)


@ANVIL
def test_one_process_makes_an_index_at_a_time(mirror: Mirror) -> None:
    with psycopg.connect(mirror.url) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        mirror.catch_up()
        assert made(mirror.url) == {}
    mirror.sync._make_indexes_at = 0
    mirror.catch_up()
    assert sorted(made(mirror.url)) == sorted(NAMES)


@pytest.mark.parametrize("rows", [0, 1])
def test_mirror_with_rows_keeps_its_indexes(fresh_database: str, rows: int) -> None:
    with create_engine(fresh_database).connect() as connection:
        connection.execute(text("CREATE SCHEMA mirror"))
        command.upgrade(alembic_config(connection), "0003")
        connection.commit()
    url = plain_url(fresh_database)
    with psycopg.connect(url, autocommit=True) as writer:
        writer.execute(
            "INSERT INTO mirror.movement SELECT 1, 1, 0, 0, n, 'deposit', 5 FROM"
            " generate_series(1, %s) AS n",
            (rows,),
        )
    migrate(fresh_database)
    assert len(made(url)) == (len(NAMES) if rows else 0)
