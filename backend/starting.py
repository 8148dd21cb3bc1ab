"""Ends a process in one sentence when its app cannot be served, after setting up its logs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from backend.api.connection_limits import DescriptorsTooFew
from backend.deployment import DeploymentInvalid
from backend.logs import configure_logs


@contextmanager
def starting(name: str) -> Iterator[None]:
    """Around what builds the services of the process `name`. Exits with code 2 when its deployment
    or its limit of open files cannot be used."""
    configure_logs()
    try:
        yield
    except (DeploymentInvalid, DescriptorsTooFew) as error:
        print(f"{name}: {error}", file=sys.stderr)
        raise SystemExit(2) from None
