"""Runs the migrations of schema `mirror` on the connection that `migrate` passes."""

from __future__ import annotations

from alembic import context

from indexer.mirror.tables import SCHEMA, MirrorRow

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=MirrorRow.metadata,
    version_table_schema=SCHEMA,
    include_schemas=True,
    include_name=lambda name, kind, _: kind != "schema" or name == SCHEMA,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
