"""Mirrors the chain in SQL: reads events, decodes them, writes rows, and rolls back reorgs."""

from protocol.installed import need_packages

need_packages()
