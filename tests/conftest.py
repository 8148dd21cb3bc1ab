"""Offers the real servers to every test that asks; must import nothing heavy by itself.

Brownie's runs read this file too, so everything is imported by the fixture that needs it. A server
starts when the first test asks for it and ends with the session.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import ssl
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.support.hanging import HangGuard

if TYPE_CHECKING:
    from scripts.devnet import Chain, Postgres, Redis

_NUMBERS = itertools.count(1)
# A folder in memory, and the free space that it needs to be used. A test's database is a copy of
# some 460 files, which takes a sixth of the processor time there.
_MEMORY = Path("/dev/shm")
_MEMORY_MIN_BYTES = 2 * 1024**3

# How long an example takes says more of the machine than of the code.
hypothesis.settings.register_profile("fairline", deadline=None)
hypothesis.settings.load_profile("fairline")

# The certificates that the system trusts, read when a server shows one. Otherwise each of the
# thousands of clients that tests and services open, for http:// too, reads a list of them all: 50
# ms of processor time.
os.environ.setdefault("SSL_CERT_DIR", ssl.get_default_verify_paths().openssl_capath)

_GUARD = pytest.StashKey[HangGuard]()


def pytest_configure(config: pytest.Config) -> None:
    guard = config.stash[_GUARD] = HangGuard()
    config.add_cleanup(guard.close)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    marker = item.get_closest_marker("timeout")
    limit_s = float(marker.args[0] if marker else item.config.getini("timeout"))
    with item.config.stash[_GUARD].watch(item.nodeid, limit_s):
        return (yield)


def _memory() -> Path | None:
    """A folder in memory, or None where there is none with enough space (in containers)."""
    large = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _MEMORY_MIN_BYTES
    return _MEMORY if large and os.access(_MEMORY, os.W_OK) else None


@contextlib.contextmanager
def _open_folder(parent: Path | None = None) -> Iterator[Path]:
    """A folder that PostgreSQL can reach, which runs as another user where we are root.

    Not in pytest's own folder: every pytest that starts shuts that to others, also to servers that
    another pytest has running in it.
    """
    with tempfile.TemporaryDirectory(
        prefix="fairline-", dir=parent, ignore_cleanup_errors=True
    ) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """An empty folder for servers of the test's own."""
    with _open_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def devnet_state() -> Iterator[Path]:
    """The folder of this session's servers, in memory where that is possible."""
    with _open_folder(_memory()) as folder:
        yield folder


@pytest.fixture(scope="session")
def postgres(devnet_state: Path) -> Iterator[Postgres]:
    """The PostgreSQL of this session, or the one of TEST_DATABASE_URL, which names a superuser."""
    from scripts.devnet import Postgres

    server = Postgres(state=devnet_state, external_url=os.environ.get("TEST_DATABASE_URL"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_url(postgres: Postgres) -> str:
    """`postgresql+psycopg://…` of the server's own database; see `fresh_database`."""
    return postgres.url()


def _new_name(request: pytest.FixtureRequest) -> str:
    words = re.sub(r"[^a-z0-9]+", "_", request.node.name.lower())[:36]
    return f"t_{os.getpid()}_{next(_NUMBERS)}_{words}"


def _database_with_tables(postgres: Postgres, request: pytest.FixtureRequest) -> Iterator[str]:
    from tests.support.schema import create_database_with_tables

    name = _new_name(request)
    yield create_database_with_tables(postgres, name)
    postgres.drop_database(name)


@pytest.fixture
def empty_database(postgres: Postgres, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database without tables, of the test's own."""
    name = _new_name(request)
    yield postgres.create_database(name)
    postgres.drop_database(name)


@pytest.fixture
def fresh_database(postgres: Postgres, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database of the test's own, with the tables of mirror and backend."""
    yield from _database_with_tables(postgres, request)


@pytest.fixture(scope="module")
def module_database(postgres: Postgres, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database of the module's own, with the tables of mirror and backend."""
    yield from _database_with_tables(postgres, request)


@pytest.fixture(scope="session")
def redis_server(devnet_state: Path) -> Iterator[Redis]:
    """The Redis of this session."""
    from scripts.devnet import Redis

    server = Redis(state=devnet_state)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_url(redis_server: Redis) -> str:
    """The URL of the session's Redis, emptied for this test."""
    import redis

    url = redis_server.url()
    with redis.Redis.from_url(url) as client:
        client.flushall()
    return url


def _session_chain(kind: str, state: Path) -> Iterator[Chain]:
    from scripts.devnet import Chain

    node = Chain("anvil" if kind == "anvil" else "ganache", state=state, persist=False)
    node.start()
    yield node
    node.stop()


@pytest.fixture(scope="session")
def session_ganache(devnet_state: Path) -> Iterator[Chain]:
    """Ganache for the whole session; what a test does to it stays."""
    yield from _session_chain("ganache", devnet_state)


@pytest.fixture(scope="session")
def session_anvil(devnet_state: Path) -> Iterator[Chain]:
    """Anvil for the whole session; what a test does to it stays."""
    yield from _session_chain("anvil", devnet_state)


def _reverted(chain: Chain) -> Iterator[Chain]:
    """The chain, taken back after the test to where it stood before it."""
    snapshot = chain.snapshot()
    yield chain
    chain.revert(snapshot)


@pytest.fixture
def ganache(session_ganache: Chain) -> Iterator[Chain]:
    """Ganache; the test's blocks are undone after it."""
    yield from _reverted(session_ganache)


@pytest.fixture
def anvil(session_anvil: Chain) -> Iterator[Chain]:
    """Anvil; the test's blocks are undone after it."""
    yield from _reverted(session_anvil)


@pytest.fixture(params=["ganache", "anvil"])
def chain(request: pytest.FixtureRequest) -> Iterator[Chain]:
    """Each of the two chains in turn; the test's blocks are undone after it."""
    yield from _reverted(request.getfixturevalue(f"session_{request.param}"))
