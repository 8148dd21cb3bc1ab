"""Ends a program that runs without the packages of `make setup`, with a sentence that says so."""

from __future__ import annotations

import importlib.util
import sys

# Every program of this project needs it.
_PACKAGE = "sqlalchemy"


def need_packages() -> None:
    """To be called while a package is imported: does nothing unless that is the start of
    `python -m`, and this Python has none of the packages."""
    if sys.argv[:1] != ["-m"] or importlib.util.find_spec(_PACKAGE) is not None:
        return
    module = sys.orig_argv[sys.orig_argv.index("-m") + 1]
    sys.exit(
        f"python -m {module} needs the packages of `make setup`, and {sys.executable} does not have"
        " them: `source .venv/bin/activate` first, or call .venv/bin/python"
    )
