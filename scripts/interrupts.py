"""Sees to it that no Ctrl-C is lost. It imports only the standard library, for the set-up."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

AGAIN_S = 0.05


@contextlib.contextmanager
def raised_again_if_ignored() -> Iterator[None]:
    """Raises KeyboardInterrupt again, soon, when Python has ignored one.

    A Ctrl-C that arrives while a finalizer or a hook of fork runs is reported and dropped, as every
    error there is, and the program goes on. Only the main thread receives Ctrl-C: used in another
    thread, this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    report = sys.unraisablehook

    def on_ignored(ignored: UnraisableHookArgs) -> None:
        if issubclass(ignored.exc_type, KeyboardInterrupt):
            # Raised here it would be ignored as well, so a timer does it.
            signal.setitimer(signal.ITIMER_REAL, AGAIN_S)
        else:
            report(ignored)

    on_alarm = signal.signal(signal.SIGALRM, signal.default_int_handler)
    sys.unraisablehook = on_ignored
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.unraisablehook = report
        signal.signal(signal.SIGALRM, on_alarm)
