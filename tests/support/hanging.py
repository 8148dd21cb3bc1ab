"""Ends a run of tests whose test hangs although its time limit is over.

pytest-timeout raises an error in the test once. A test whose event loop swallows that, or waits
again while it closes, goes on for ever. This names the test, prints where its threads and tasks
are, and ends the process. What its tests had started ends with it.
"""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import inspect
import os
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from traceback import StackSummary
from types import FrameType
from typing import Any

# How long a test may take to end after its time limit.
GRACE_S = 60.0


class HangGuard:
    """Made while nothing is captured: it writes to what is the standard error output then."""

    def __init__(self) -> None:
        assert sys.__stderr__ is not None
        self._output = os.fdopen(os.dup(sys.__stderr__.fileno()), "w")

    @contextmanager
    def watch(self, test: str, limit_s: float) -> Iterator[None]:
        """Ends the process when the block takes GRACE_S longer than the test's limit."""
        timer = threading.Timer(limit_s + GRACE_S, self._end, [test, limit_s + GRACE_S])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def close(self) -> None:
        self._output.close()

    def _end(self, test: str, seconds: float) -> None:
        print(f"\nFAILED {test} - hung: ended after {seconds:.0f} s", file=self._output)
        for task in [o for o in gc.get_objects() if isinstance(o, asyncio.Task)]:
            if not task.done():
                print(f"\n{task.get_name()}, outermost call first:", file=self._output)
                traceback.print_list(StackSummary.extract(_frames(task)), self._output)
        print(file=self._output, flush=True)
        faulthandler.dump_traceback(self._output, all_threads=True)
        os._exit(1)


def _frames(task: asyncio.Task[Any]) -> Iterator[tuple[FrameType, int]]:
    """The frames of what a task awaits, with their lines; `Task.get_stack` has only the first."""
    awaited: Any = task.get_coro()
    while awaited is not None:
        for kind in ("cr", "gi", "ag"):
            frame = getattr(awaited, f"{kind}_frame", None)
            if frame is not None:
                yield frame, frame.f_lineno
        names = ("cr_await", "gi_yieldfrom", "ag_await")
        following = next(filter(None, (getattr(awaited, name, None) for name in names)), None)
        if following is None and not inspect.isasyncgen(awaited):
            # The step of an asynchronous generator does not name it.
            following = next(filter(inspect.isasyncgen, gc.get_referents(awaited)), None)
        awaited = following
