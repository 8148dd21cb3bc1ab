"""Kills processes of a script at a given line of our code, to test what a process leaves that dies.

The script calls `die_on_request`, and the test drives it with `running_killer`. A line counts when
the script's process executes it, so what is between two steps is among the lines, whatever the code
looks like.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from tests.support.nodes import ROOT

_DIED, _FAILED = "died", "failed"


class Reaper:
    """Counts executed lines of folders and kills the process at one of them; with 0 it lives."""

    def __init__(self, deadly: int, *folders: Path) -> None:
        self.lines = 0
        self._deadly = deadly
        self._watched = tuple(f"{folder}{os.sep}" for folder in folders)

    @contextmanager
    def watching(self) -> Iterator[None]:
        sys.settrace(self._trace)
        yield
        sys.settrace(None)

    def _trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(self._watched):
            return None
        if event == "line":
            self.lines += 1
            if self.lines == self._deadly:
                os.kill(os.getpid(), signal.SIGKILL)
        return self._trace


def die_on_request(folders: Sequence[Path], work: Callable[[Reaper, list[str]], None]) -> None:
    """For each line of standard input, the number of the deadly line and words, a forked process
    does the work. The answer is "died", or the number of lines of a complete run."""
    for request in sys.stdin:
        deadly, *words = request.split()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            reaper = Reaper(int(deadly), *folders)
            work(reaper, words)
            os.write(writing, str(reaper.lines).encode())
            os._exit(0)
        os.close(writing)
        _, status = os.waitpid(child, 0)
        lines = os.read(reading, 20).decode()
        os.close(reading)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        print(_DIED if killed else lines or _FAILED, flush=True)


class Killer:
    """A script that runs, and waits for what to do."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def count_lines(self, *words: str) -> int:
        """The number of lines of a run that lives."""
        answer = self._run(0, *words)
        assert answer.isdigit(), answer
        return int(answer)

    def die_at(self, deadly: int, *words: str) -> None:
        """A run that is killed at this line."""
        assert self._run(deadly, *words) == _DIED

    def _run(self, deadly: int, *words: str) -> str:
        assert self._process.stdin
        assert self._process.stdout
        print(deadly, *words, file=self._process.stdin, flush=True)
        for line in self._process.stdout:
            if (answer := line.strip()).isdigit() or answer in (_DIED, _FAILED):
                return answer
        raise AssertionError("the script to be killed ended")


@contextmanager
def running_killer(script: Path, *arguments: str) -> Iterator[Killer]:
    """Starts a script that calls `die_on_request`, and ends it."""
    process = subprocess.Popen(
        [sys.executable, str(script), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert process.stdin
    try:
        yield Killer(process)
    finally:
        process.stdin.close()
        process.wait(timeout=20)
