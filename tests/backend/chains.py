"""Says which tests of the backend `make test` runs on Anvil alone.

Their subject is what our own code does off the chain: on Ganache they prove again what they have
proved on Anvil. `make test` runs on both chains what depends on what a node answers, forgets or
refuses; `make test-ganache` runs the others on Ganache.
"""

from __future__ import annotations

# The mark of what `make test` leaves to `make test-ganache`.
MARK = "ganache_again"

# Why, and the files below tests/backend, or tests in them.
ANVIL_ALONE = {
    "what the operator and the facts decide": (
        "settlement/test_corrections.py",
        "settlement/test_rules.py",
        "settlement/test_publishing.py",
    ),
    "what the API and our queries make of the mirror": (
        "api/test_enforceable.py",
        "api/test_enforcement.py",
        "api/test_tutorials.py",
        "settlement/test_documented_queries.py",
        "settlement/test_sent_calls.py",
    ),
    "our own processes, and Redis, that die": (
        "transactions/test_killed_process.py",
        "batching/test_worker.py::test_worker_killed_between_two_batches_places_each_slip_once",
        "batching/test_worker.py::test_worker_places_each_slip_once_when_redis_loses_everything",
        "batching/test_worker.py::test_worker_names_refused_rows_and_follows_new_starts",
    ),
}


def is_left_out(test: str) -> bool:
    """Whether `make test` leaves out this test, PATH::NAME below tests/backend, on Ganache."""
    named = {name for names in ANVIL_ALONE.values() for name in names}
    return test in named or test.split("::")[0] in named
