"""The runner of all tests stops on Ctrl-C, and reports what did not run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_ctrl_c_starts_no_further_part(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from scripts.devnet import run_tests\n"
        "def part(number):\n"
        "    file = str(Path(sys.argv[1]) / str(number))\n"
        "    code = f'import time; open({file!r}, \"w\"); time.sleep(600)'\n"
        "    command = [sys.executable, '-c', code]\n"
        "    return run_tests.Part(str(number), command, needs_contracts=False, reports=False)\n"
        "run_tests.COMPILE = run_tests.Part('c', [sys.executable, '-c', ''], reports=False)\n"
        "run_tests.PARTS = [part(number) for number in range(2 * run_tests.WORKERS)]\n"
        "run_tests.PROGRESS_S = 0.1\n"
        "sys.exit(run_tests.main())\n"
    )
    runner = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert runner.stdout is not None
    started = len(list(tmp_path.iterdir()))
    for _ in runner.stdout:
        started = len(list(tmp_path.iterdir()))
        if started >= 3:
            break
    # As a terminal does: to the runner and to all that it started.
    subprocess.run(["kill", "-INT", "--", f"-{runner.pid}"], check=True)
    _, errors = runner.communicate(timeout=60)
    assert runner.returncode == 130
    assert errors.splitlines()[-1] == "stopped: the parts that had not started were not run"
    assert len(list(tmp_path.iterdir())) == started


def test_what_failed_is_named_last_and_once(tmp_path: Path) -> None:
    test = tmp_path / "test_two.py"
    test.write_text("def test_good(): pass\ndef test_bad(): assert not 'the reason'\n")
    program = (
        "import sys\n"
        "from scripts.devnet import run_tests\n"
        "pytest = [sys.executable, '-m', 'pytest', '-ra', '-p', 'no:pytest-brownie', sys.argv[1]]\n"
        "ends = [sys.executable, '-c', 'print(\"why it ended\"); raise SystemExit(3)']\n"
        "run_tests.COMPILE = run_tests.Part('c', [sys.executable, '-c', ''], False, False)\n"
        "run_tests.PARTS = [\n"
        "    run_tests.Part('tests', pytest, False, times=2),\n"
        "    run_tests.Part('other', ends, False, reports=False),\n"
        "]\n"
        "sys.exit(run_tests.main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(test)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
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
        "from scripts.devnet import run_tests\n"
        "pytest = [sys.executable, '-m', 'pytest', '-p', 'no:pytest-brownie', sys.argv[1]]\n"
        "short = [*pytest, '-k', 'not long']\n"
        "run_tests.COMPILE = run_tests.Part('c', [sys.executable, '-c', ''], False, False)\n"
        "run_tests.PARTS = [\n"
        "    run_tests.Part('some', short, False, left_to='make more'),\n"
        "    run_tests.Part('every', pytest, False, left_to='make none'),\n"
        "]\n"
        "sys.exit(run_tests.main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(test)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
    summary = done.stdout.split("== summary")[1]
    assert "some: 2 passed, 0 failed, 0 skipped, 2 left to `make more`, " in summary
    assert "every: 4 passed, 0 failed, 0 skipped, 0 left to `make none`, " in summary
    total = summary.strip().splitlines()[-1]
    assert total.startswith("6 passed, 0 failed, 0 skipped, ")
    assert "2 left to `make more`" in total
