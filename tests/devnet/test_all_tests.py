"""The runner of all tests stops on Ctrl-C, and reports what did not run."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scripts.all_tests import AGAIN_AT_MOST, WORKERS
from scripts.devnet.orphan_reaper import is_alive

ROOT = Path(__file__).resolve().parents[2]


PROGRAM = (
    "import signal, sys, time\n"
    "from pathlib import Path\n"
    "from scripts import all_tests\n"
    "def part(number):\n"
    "    file = str(Path(sys.argv[1]) / str(number))\n"
    "    code = CODE.format(file=file)\n"
    "    command = [sys.executable, '-c', code]\n"
    "    name = chr(ord('a') + number)\n"
    "    return all_tests.Part(name, command, needs_contracts=False, reports=False)\n"
    "CODE = sys.argv[2]\n"
    "all_tests.COMPILE = all_tests.Part('compile', [sys.executable, '-c', ''], reports=False)\n"
    "all_tests.PARTS = [part(number) for number in range(2 * all_tests.WORKERS)]\n"
    "all_tests.PROGRESS_S = 0.1\n"
    "exec(sys.argv[3])\n"
    "sys.exit(all_tests.main())\n"
)
# Runs one file of tests.
ONE_PART = (
    "import sys\n"
    "from scripts import all_tests\n"
    "pytest = [sys.executable, '-m', 'pytest', '-ra', '-p', 'no:pytest-brownie', sys.argv[1]]\n"
    "all_tests.COMPILE = all_tests.Part('compile', [sys.executable, '-c', ''], False, False)\n"
    "all_tests.PARTS = [all_tests.Part('tests', pytest, False)]\n"
    "sys.exit(all_tests.main())\n"
)
SLEEPS = 'import time; open("{file}", "w"); time.sleep(600)'
IGNORES = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); " + SLEEPS
# The main thread learns of Ctrl-C late, as on a busy machine; the other threads run meanwhile.
LATE = (
    "def late(*_):\n"
    "    time.sleep(2)\n"
    "    raise KeyboardInterrupt\n"
    "signal.signal(signal.SIGINT, late)"
)

SLOW_START = (
    "start = all_tests.start\n"
    "def late(*arguments):\n"
    "    time.sleep(1)\n"
    "    return start(*arguments)\n"
    "all_tests.start = late"
)


def run(program: str, test: Path) -> subprocess.CompletedProcess[str]:
    """Run a program with the path of a file of tests."""
    return subprocess.run(
        [sys.executable, "-c", program, str(test)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def started_runner(folder: Path, code: str = SLEEPS, setting: str = "") -> subprocess.Popen[str]:
    """A runner whose parts run this code; it is returned when its first parts have started."""
    runner = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), code, setting],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert runner.stdout is not None
    for _ in runner.stdout:
        if len(list(folder.iterdir())) == WORKERS:
            return runner
    raise AssertionError(runner.communicate()[1])


def check_stopped(runner: subprocess.Popen[str], folder: Path) -> None:
    _, errors = runner.communicate(timeout=60)
    assert runner.returncode == 130
    assert errors.splitlines()[-1] == "stopped: the parts that had not started were not run"
    assert len(list(folder.iterdir())) == WORKERS


@pytest.mark.parametrize("setting", ["", LATE], ids=["at_once", "late"])
def test_ctrl_c_starts_no_further_part(tmp_path: Path, setting: str) -> None:
    runner = started_runner(tmp_path, setting=setting)
    # As a terminal does.
    os.killpg(runner.pid, signal.SIGINT)
    check_stopped(runner, tmp_path)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_end_the_run_as_ctrl_c_does(tmp_path: Path, how: signal.Signals) -> None:
    runner = started_runner(tmp_path)
    runner.send_signal(how)
    check_stopped(runner, tmp_path)


def test_second_ctrl_c_kills_what_ignores_the_first(tmp_path: Path) -> None:
    runner = started_runner(tmp_path, IGNORES)
    for _ in range(2):
        runner.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            runner.wait(1)
    check_stopped(runner, tmp_path)


def test_parts_that_ignore_ctrl_c_are_killed_in_the_end(tmp_path: Path) -> None:
    runner = started_runner(tmp_path, IGNORES, "all_tests.GRACE_S = 1")
    runner.send_signal(signal.SIGINT)
    check_stopped(runner, tmp_path)


@pytest.mark.timeout(60)
def test_progress_is_shown_while_parts_are_slow_to_start(tmp_path: Path) -> None:
    runner = started_runner(tmp_path, setting=SLOW_START)
    runner.send_signal(signal.SIGINT)
    check_stopped(runner, tmp_path)


def test_parts_do_not_ignore_ctrl_c_because_a_shell_does(tmp_path: Path) -> None:
    code = (
        'import signal; open("{file}", "w").write(str(signal.getsignal(signal.SIGINT) is '
        "signal.default_int_handler))"
    )
    ignoring = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh"]
    done = subprocess.run(
        [*ignoring, sys.executable, "-c", PROGRAM, str(tmp_path), code, ""],
        cwd=ROOT,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert {file.read_text() for file in tmp_path.iterdir()} == {"True"}


def test_parts_end_with_a_killed_runner(tmp_path: Path) -> None:
    code = 'import os, time; open("{file}", "w").write(str(os.getpid())); time.sleep(600)'
    runner = started_runner(tmp_path, code)
    runner.kill()
    runner.wait()
    groups = [int(file.read_text()) for file in tmp_path.iterdir()]
    until = time.monotonic() + 60
    while any(is_alive(group) for group in groups):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_part_that_hangs_ends_with_its_stacks(tmp_path: Path) -> None:
    code = f"import faulthandler; faulthandler.enable(); {SLEEPS}"
    runner = started_runner(tmp_path, code, "all_tests.PART_LIMIT_S = 2")
    output, _ = runner.communicate(timeout=60)
    assert runner.returncode == 1
    printed, failed = output.split("== summary")
    assert printed.count("Fatal Python error: Aborted") == 2 * WORKERS
    assert printed.count("most recent call first") == 2 * WORKERS
    assert failed.count("FAILED part: not ended after 2 s") == 2 * WORKERS


def test_what_failed_is_named_last_and_once(tmp_path: Path) -> None:
    test = tmp_path / "test_two.py"
    test.write_text("def test_good(): pass\ndef test_bad(): assert not 'the reason'\n")
    program = (
        "import sys\n"
        "from scripts import all_tests\n"
        "pytest = [sys.executable, '-m', 'pytest', '-ra', '-p', 'no:pytest-brownie', sys.argv[1]]\n"
        "ends = [sys.executable, '-c', 'print(\"why it ended\"); raise SystemExit(3)']\n"
        "all_tests.COMPILE = all_tests.Part('compile', [sys.executable, '-c', ''], False, False)\n"
        "all_tests.PARTS = [\n"
        "    all_tests.Part('tests', pytest, False, times=2),\n"
        "    all_tests.Part('other', ends, False, reports=False),\n"
        "]\n"
        "sys.exit(all_tests.main())\n"
    )
    done = run(program, test)
    assert done.returncode == 1
    _, total, *failed = done.stdout.split("== summary")[1].strip().split("\n\n")
    assert total.startswith("1 passed, 2 failed")
    parts = {part.splitlines()[0]: part.splitlines()[1:] for part in failed}
    assert parts["== failed in: other"] == ["why it ended"]
    (named,) = parts["== failed in: tests"]
    assert named.startswith("FAILED ")
    assert "test_bad - AssertionError: assert not 'the reason'" in named


def test_what_is_left_to_another_command_is_counted(tmp_path: Path) -> None:
    test = tmp_path / "test_four.py"
    names = ("a", "b", "long_c", "long_d")
    test.write_text("".join(f"def test_{name}(): pass\n" for name in names))
    program = (
        "import sys\n"
        "from scripts import all_tests\n"
        "pytest = [sys.executable, '-m', 'pytest', '-p', 'no:pytest-brownie', sys.argv[1]]\n"
        "short = [*pytest, '-k', 'not long']\n"
        "all_tests.COMPILE = all_tests.Part('compile', [sys.executable, '-c', ''], False, False)\n"
        "all_tests.PARTS = [\n"
        "    all_tests.Part('some', short, False, left_to='make more'),\n"
        "    all_tests.Part('every', pytest, False, left_to='make none'),\n"
        "]\n"
        "sys.exit(all_tests.main())\n"
    )
    done = run(program, test)
    assert done.returncode == 0, done.stdout
    summary = done.stdout.split("== summary")[1]
    assert "some: 2 passed, 0 failed, 0 skipped, 2 left to `make more`, " in summary
    assert "every: 4 passed, 0 failed, 0 skipped, 0 left to `make none`, " in summary
    total = summary.strip().splitlines()[-1]
    assert total.startswith("6 passed, 0 failed, 0 skipped, ")
    assert "2 left to `make more`" in total


FAILS_FIRST = """
def test_steady(): pass
def test_unsteady():
    file = __import__("pathlib").Path(__file__).with_name("run")
    first, _ = not file.exists(), file.touch()
    assert not first, "the first time"
def test_bad(): assert BAD
"""


@pytest.mark.parametrize("bad", [False, True], ids=["few_pass_again", "one_fails_again"])
def test_failed_tests_are_run_again_alone(tmp_path: Path, bad: bool) -> None:
    test = tmp_path / "test_it.py"
    test.write_text(FAILS_FIRST.replace("BAD", str(not bad)))
    done = run(ONE_PART, test)
    summary = done.stdout.split("== summary")[1]
    assert done.returncode == bad, done.stdout
    if bad:
        assert "1 passed, 2 failed" in summary
        assert "passed only when run again" not in summary
    else:
        assert "tests: 3 passed, 0 failed, 0 skipped, 1 unsteady" in summary
        assert "== passed only when run again: tests\nFAILED " in summary
        assert "the first time" in summary


def test_many_failures_are_not_run_again(tmp_path: Path) -> None:
    test = tmp_path / "test_it.py"
    test.write_text(
        "import pytest\n"
        f"@pytest.mark.parametrize('number', range({AGAIN_AT_MOST + 1}))\n"
        "def test_bad(number): assert False\n"
    )
    done = run(ONE_PART, test)
    assert done.returncode == 1
    assert "output of: tests\n" in done.stdout
    assert "again" not in done.stdout
