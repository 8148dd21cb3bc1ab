"""Writes the schema `mirror`: tables, rows, rollback and migrations."""
