"""Says in words why a database cannot be used."""

from __future__ import annotations


def database_fault(error: object) -> str:
    """What the driver's error at connecting means. A server that is reached and refuses says FATAL;
    everything else is a server that is not reached."""
    reason = _first_line(error)
    if "FATAL:" not in reason:
        return f"the database at DATABASE_URL does not answer: {reason}"
    if "does not exist" in reason and "database" in reason.rpartition("FATAL:")[2]:
        return (
            f"the server at DATABASE_URL has no such database: {reason}; create it (`createdb`, or"
            " CREATE DATABASE), or correct the name"
        )
    return f"the server at DATABASE_URL refuses the connection: {reason}"


def tables_fault(error: object) -> str:
    """What the driver's error at a statement means: tables or columns are missing."""
    return f"{_first_line(error)}; run the migrations of indexer and backend first"


def _first_line(error: object) -> str:
    return str(error).strip().splitlines()[0]
