"""Owns how an indexer process starts: python -m indexer COMMAND."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Rows by the hundred thousand, and modules by the hundred, none of them in a cycle: the
    collector would look at them again and again, which takes a third of a backfill. And while one
    thread makes rows, the one that writes must not wait 5 ms for its turn."""
    gc.disable()
    from indexer.commands import app

    gc.freeze()
    gc.set_threshold(200_000, 50, 1_000)
    gc.enable()
    sys.setswitchinterval(0.000_5)
    app()


if __name__ == "__main__":
    main()
