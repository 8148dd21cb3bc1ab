"""Holds every statement that reads schema `mirror`.

The rule: a statement that names a table of `mirror` is in this package, whichever tables of schema
`backend` it joins. A statement on tables of `backend` alone stays with the folder that owns the
table. Nothing here writes to either schema, and nothing here decides.

Statements are text in psycopg's parameter style. Who runs one, and what becomes of its rows, is the
caller's matter: async connections execute the text, SQLAlchemy's take it through `read_rows`. A
caller that knows a deployment by its addresses (API, odds) uses the row `d` that DEPLOYMENT finds,
with the parameters of `deployment_key`; the worker reads the row once with `read_mirror`, and names
it by its number, `%(deployment)s`.

`tests/architecture/test_mirror_sql.py` holds the rule.
"""
