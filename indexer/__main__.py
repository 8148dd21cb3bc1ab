"""Starts the indexer: python -m indexer COMMAND."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Tune the interpreter, then run the command.

    Rows by the hundred thousand are not in reference cycles; the garbage collector would scan them
    repeatedly, which takes a third of a backfill. And while one thread encodes rows, the thread
    that writes must not wait 5 ms for the interpreter lock.
    """
    gc.disable()
    from indexer.commands import app

    gc.freeze()
    gc.set_threshold(200_000, 50, 1_000)
    gc.enable()
    sys.setswitchinterval(0.000_5)
    app()


if __name__ == "__main__":
    main()
