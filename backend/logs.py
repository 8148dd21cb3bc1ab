"""Sets up how the processes of the backend log: one line for each event, and a traceback
without the values of variables, which can be keys and passwords."""

from __future__ import annotations

import sys

import structlog


def configure_logs() -> None:
    """Use this form for every line from now on."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(
                key_order=["timestamp", "level", "event"], drop_missing=True
            ),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
