"""A process that is forked from a warm Python is as one that was started: files, environment,
folder, session, parent, exit code; and it has nothing of this project's imported."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import warm_python

OURS = ("backend", "indexer", "protocol", "scripts", "tests")


def run(code: str, *arguments: str, folder: Path, **environment: str) -> tuple[int, str, str]:
    command = [sys.executable, "-c", code, *arguments]
    done = warm_python.run(command, cwd=folder, env=environment, timeout=60)
    return done.returncode, done.stdout, done.stderr


def test_files_environment_folder_and_arguments_are_its_own(tmp_path: Path) -> None:
    code = (
        "import os, sys; os.write(1, b'plain\\n'); print(dict(os.environ), os.getcwd(), sys.argv);"
        "print('said', file=sys.stderr); print(sorted(map(int, os.listdir('/proc/self/fd')))[:-1])"
    )
    expected = f"plain\n{ {'NAME': 'value'} } {tmp_path} {['-c', 'one']}\n[0, 1, 2]\n"
    assert run(code, "one", folder=tmp_path, NAME="value") == (0, expected, "said\n")


def test_nothing_of_this_project_is_imported(tmp_path: Path) -> None:
    code = f"import sys; print({set(OURS)} & {{name.split('.')[0] for name in sys.modules}})"
    assert run(code, folder=tmp_path) == (0, "set()\n", "")


def test_module_runs_as_main_and_finds_what_is_on_its_path(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import sys; print(__name__, sys.argv[1:])")
    command = [sys.executable, "-m", "mine", "one"]
    for folder, path in ((tmp_path, ""), (Path("/"), str(tmp_path))):
        done = warm_python.run(command, cwd=folder, env={"PYTHONPATH": path}, timeout=60)
        assert (done.returncode, done.stdout) == (0, "__main__ ['one']\n")


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [("raise SystemExit(3)", 3), ("1 / 0", 1), ("import os; os.kill(os.getpid(), 9)", -9)],
)
def test_exit_code_is_that_of_the_program(tmp_path: Path, code: str, exit_code: int) -> None:
    assert run(code, folder=tmp_path)[0] == exit_code


@pytest.mark.parametrize("session", [True, False])
def test_process_is_ours_and_ends_on_a_signal(session: bool) -> None:
    code = "import os, time; print(os.getppid(), os.getpgrp(), flush=True); time.sleep(600)"
    process = warm_python.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=session
    )
    with process:
        assert process.stdout is not None
        parent, group = map(int, process.stdout.readline().split())
        assert parent == os.getpid()
        assert group == (process.pid if session else os.getpgrp())
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == -signal.SIGINT
