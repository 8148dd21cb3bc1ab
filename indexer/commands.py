"""Defines the command line: python -m indexer migrate | run | backfill | status | verify |
rebuild."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import structlog
import typer
from sqlalchemy.exc import OperationalError

from indexer import settings
from indexer.chain.endpoints import Endpoints
from indexer.deployment import Deployment
from indexer.errors import IndexerError, RetryableError
from indexer.mirror import migrate as migrations
from indexer.ops import verify
from indexer.ops.http_status import serve
from indexer.ops.status import report
from indexer.service import CONNECT_TIMEOUT_S, Indexer
from protocol.abi import AbiMissing
from protocol.database_faults import database_fault

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.command()
def migrate() -> None:
    """Migrate schema `mirror` to its newest revision."""
    with _one_line_errors():
        revision = migrations.migrate(settings.read(settings.DatabaseSettings).sqlalchemy_url)
        print(f"schema mirror is at revision {revision}")


@app.command()
def run() -> None:
    """Follow the chain until the process is stopped.

    A second process waits as a standby."""
    with _one_line_errors():
        indexer, given = _indexer()
        if given.indexer_metrics_port is not None:
            serve(indexer.metrics, given.indexer_metrics_port)
        indexer.run()


@app.command()
def backfill() -> None:
    """Read the chain up to its head, and exit. Resumes an interrupted backfill."""
    with _one_line_errors():
        indexer, _ = _indexer()
        print(f"the mirror is at block {indexer.backfill()}")


@app.command()
def rebuild() -> None:
    """Delete the deployment's rows, and read the chain again."""
    with _one_line_errors():
        indexer, _ = _indexer()
        print(f"the mirror was rebuilt up to block {indexer.rebuild()}")


@app.command(name="verify")
def verify_command() -> None:
    """Compare the mirror with the contracts at the mirror's head.

    Exit code 1 on a difference."""
    with _one_line_errors():
        given, deployment = _chain(settings.ChainSettings)
        endpoints = _endpoints(given, deployment)
        receipt_window_s = verify.read_receipt_window_s(endpoints, deployment)
        with _connect(given) as connection:
            snapshot = verify.read_snapshot(connection, deployment, receipt_window_s)
        difference = verify.first_difference(snapshot, endpoints, deployment)
        if difference is not None:
            print(difference, file=sys.stderr)
            raise SystemExit(1)
        head, checks = snapshot.head.number, len(snapshot.checks)
        print(f"the mirror equals the chain at block {head}: {checks} checks")


@app.command()
def status() -> None:
    """Print how far the mirror and each endpoint are.

    Also gas per slip and bet, the price of a share, and whether an indexer is running."""
    with _one_line_errors():
        given, deployment = _chain(settings.ChainSettings)
        with _connect(given) as connection:
            for line in report(connection, deployment, _endpoints(given, deployment)):
                print(line)


def _indexer() -> tuple[Indexer, settings.RunSettings]:
    given, deployment = _chain(settings.RunSettings)
    indexer = Indexer(given.postgres_url, given.rpc_urls, deployment, given.finality)
    for number in (signal.SIGTERM, signal.SIGINT):
        # In a thread: the handler may interrupt code that holds a lock that `stop` needs.
        signal.signal(number, lambda *_: threading.Thread(target=indexer.stop).start())
    return indexer, given


def _chain(kind: type[settings.T]) -> tuple[settings.T, Deployment]:
    given = settings.read(kind)
    assert isinstance(given, settings.ChainSettings)
    deployment = Deployment.read(given.deployment_file, given.chain_id)
    migrations.check_migrated(given.sqlalchemy_url)
    return given, deployment


def _endpoints(given: settings.ChainSettings, deployment: Deployment) -> Endpoints:
    return Endpoints(deployment.endpoints_at(given.rpc_urls))


def _connect(given: settings.DatabaseSettings) -> psycopg.Connection[tuple[Any, ...]]:
    return psycopg.connect(given.postgres_url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S)


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """End the process with one line and exit code 2 for an error that an operator can fix."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.KeyValueRenderer(
                key_order=["timestamp", "level", "event"], drop_missing=True
            ),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        yield
    except (IndexerError, RetryableError, AbiMissing) as error:
        print(f"indexer: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except (psycopg.OperationalError, OperationalError) as error:
        said = error.orig if isinstance(error, OperationalError) else error
        print(f"indexer: {database_fault(said)}", file=sys.stderr)
        raise SystemExit(2) from None
