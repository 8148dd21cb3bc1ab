"""Sees to it that Ctrl-C is not lost, and that a closed terminal counts as one. It imports only the
standard library, for the set-up."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

AGAIN_S = 0.05


@contextlib.contextmanager
def raised_again_if_ignored() -> Iterator[None]:
    """Raises KeyboardInterrupt again, soon or at the end of the block, when Python has ignored one,
    as often as it is ignored.

    A Ctrl-C that arrives while a finalizer or a hook of fork runs is reported and dropped, as every
    error there is, and the program goes on. Only the main thread receives Ctrl-C: used in another
    thread, this does nothing.
    """
    main = threading.main_thread()
    if threading.current_thread() is not main:
        yield
        return
    report = sys.unraisablehook
    again: threading.Timer | None = None

    def on_ignored(ignored: UnraisableHookArgs) -> None:
        nonlocal again
        if not issubclass(ignored.exc_type, KeyboardInterrupt):
            report(ignored)
        else:
            if again is not None:
                again.cancel()
            # Raised here it would be ignored as well, so another thread asks for it.
            # Sent to the main thread itself: otherwise it would not wake from what it waits for.
            again = threading.Timer(AGAIN_S, signal.pthread_kill, [main.ident, signal.SIGINT])
            again.daemon = True
            again.start()

    sys.unraisablehook = on_ignored
    try:
        yield
        if again is not None:
            raise KeyboardInterrupt
    finally:
        sys.unraisablehook = report
        if again is not None:
            again.cancel()


@contextlib.contextmanager
def interrupted_by_hangup() -> Iterator[None]:
    """Raises KeyboardInterrupt when the terminal is closed (SIGHUP) or the program is asked to end
    (SIGTERM), so that it ends what it has started; not where these are ignored, as under nohup."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    asked = [signal.SIGHUP, signal.SIGTERM]
    asked = [number for number in asked if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, interrupt) for number in asked}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
