"""Ends a program that runs without the packages of `make setup` with a sentence that says so, and
one that Ctrl-C ends while it is still importing without a word."""

from __future__ import annotations

import importlib.util
import sys
from types import TracebackType

# Every program of this project needs it.
_PACKAGE = "sqlalchemy"


def need_packages() -> None:
    """To be called while a package is imported: does nothing unless that is the start of
    `python -m`, and this Python has none of the packages."""
    if sys.argv[:1] != ["-m"]:
        return
    sys.excepthook = _report
    if importlib.util.find_spec(_PACKAGE) is not None:
        return
    module = sys.orig_argv[sys.orig_argv.index("-m") + 1]
    sys.exit(
        f"python -m {module} needs the packages of `make setup`, and {sys.executable} does not have"
        " them: `source .venv/bin/activate` first, or call .venv/bin/python"
    )


def _report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Prints nothing for Ctrl-C: Python then ends by SIGINT, which shells show as 130."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
