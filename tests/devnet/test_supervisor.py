"""Processes are restarted, stop in order, and none outlives the supervisor, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path

import pytest

from scripts.devnet import DevnetError, Supervisor, paths, wait_healthy

ROOT = Path(__file__).resolve().parents[2]
FOREVER = "import time; print('up', flush=True); time.sleep(600)"


def is_running(pid: int) -> bool:
    """Whether the process is there and more than a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_killed_process_starts_again_and_is_counted(tmp_path: Path) -> None:
    with Supervisor(tmp_path, quiet=True) as supervisor:
        process = supervisor.run("worker", [sys.executable, "-c", FOREVER])
        first = process.pid
        os.kill(first, signal.SIGKILL)
        wait_healthy(lambda: process.is_alive and process.pid != first, 10, "the worker")
        assert supervisor.restarts("worker") == 1
        second = process.pid
    assert not is_running(second)


@pytest.mark.parametrize("seconds_left", [600, 0])
def test_ctrl_c_in_a_finalizer_stops_everything(tmp_path: Path, seconds_left: int) -> None:
    # Python ignores what a finalizer or a hook of fork raises, Ctrl-C included.
    program = (
        "import signal, sys, time\n"
        "from pathlib import Path\n"
        "from scripts.devnet import Supervisor\n"
        "class Finalized:\n"
        "    def __del__(self):\n"
        "        signal.raise_signal(signal.SIGINT)\n"
        "try:\n"
        "    with Supervisor(Path(sys.argv[1]), quiet=True) as supervisor:\n"
        f"        process = supervisor.run('worker', [sys.executable, '-c', {FOREVER!r}])\n"
        "        print(process.pid, flush=True)\n"
        "        Finalized()\n"
        f"        time.sleep({seconds_left})\n"
        "    print('went on')\n"
        "except KeyboardInterrupt:\n"
        "    sys.exit(130)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (130, "")
    assert not is_running(int(done.stdout))


def test_ctrl_c_is_raised_again_each_time_that_a_finalizer_drops_it() -> None:
    # The first repetition arrives while the second finalizer runs.
    program = (
        "import signal, sys, time\n"
        "from scripts.interrupts import AGAIN_S, raised_again_if_ignored\n"
        "class Interrupted:\n"
        "    def __del__(self):\n"
        "        signal.raise_signal(signal.SIGINT)\n"
        "class Slow:\n"
        "    def __del__(self):\n"
        "        time.sleep(0.3)\n"
        "        print('not interrupted')\n"
        "assert AGAIN_S < 0.3\n"
        "try:\n"
        "    with raised_again_if_ignored():\n"
        "        Interrupted()\n"
        "        Slow()\n"
        "        time.sleep(600)\n"
        "except KeyboardInterrupt:\n"
        "    sys.exit(130)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_supervisor_leaves_the_timer_of_others_alone(tmp_path: Path) -> None:
    # Such a timer stops a test that takes too long.
    others = signal.setitimer(signal.ITIMER_REAL, 300)
    try:
        handler = signal.getsignal(signal.SIGALRM)
        with Supervisor(tmp_path, quiet=True):
            assert signal.getsignal(signal.SIGALRM) is handler
        remaining_s, _ = signal.getitimer(signal.ITIMER_REAL)
        assert remaining_s > 0
    finally:
        signal.setitimer(signal.ITIMER_REAL, *others)


def test_process_that_shall_not_restart_stays_down(tmp_path: Path) -> None:
    with Supervisor(tmp_path, quiet=True) as supervisor:
        process = supervisor.run("once", [sys.executable, "-c", "print('done')"], restart=False)
        assert process.wait(10) == 0
        supervisor.run("again", [sys.executable, "-c", "print('done')"])
        wait_healthy(lambda: supervisor.restarts("again") > 0, 30, "the restart of the other")
        assert supervisor.restarts("once") == 0
        assert not process.is_alive
        assert process.last_line == "done"


def test_processes_stop_in_reverse_order(tmp_path: Path) -> None:
    notes = tmp_path / "order"
    program = (
        "import signal, sys, time\n"
        "def end(*_):\n"
        "    open(sys.argv[1], 'a').write(sys.argv[2]); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end); print('up', flush=True); time.sleep(600)\n"
    )
    with Supervisor(tmp_path, quiet=True) as supervisor:
        for name in "abc":
            process = supervisor.run(name, [sys.executable, "-c", program, str(notes), name])
            wait_healthy(lambda p=process: p.last_line == "up", 10, name)  # type: ignore[misc]
    assert notes.read_text() == "cba"


def test_independent_processes_stop_at_the_same_time(tmp_path: Path) -> None:
    program = (
        "import signal, sys, time\n"
        "def end(*_):\n"
        "    print('asked', flush=True); time.sleep(1.0); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end); print('up', flush=True); time.sleep(600)\n"
    )
    with Supervisor(tmp_path, quiet=True) as supervisor:
        first = supervisor.run("first", [sys.executable, "-c", program])
        others = [
            supervisor.run(name, [sys.executable, "-c", program], independent=True)
            for name in "abcd"
        ]
        for process in (first, *others):
            wait_healthy(lambda p=process: p.last_line == "up", 30, process.name)  # type: ignore[misc]
        supervisor.stop()
    asked = {
        name: datetime.fromisoformat(line.split(" ", 2)[0] + " " + line.split(" ", 2)[1])
        for name in ("first", "a", "b", "c", "d")
        for line in (tmp_path / f"{name}.log").read_text().splitlines()
        if line.endswith("asked")
    }
    assert len(asked) == 5
    together = [asked[name] for name in "abcd"]
    assert (max(together) - min(together)).total_seconds() < 2.0
    assert asked["first"] > max(together)


def test_error_of_a_task_is_raised_after_all_have_ended(tmp_path: Path) -> None:
    ended = []

    def fail() -> None:
        raise DevnetError("the first task failed")

    def work() -> None:
        time.sleep(0.3)
        ended.append("work")

    with (
        Supervisor(tmp_path, quiet=True) as supervisor,
        pytest.raises(DevnetError, match="the first task failed"),
    ):
        supervisor.together(fail, work)
    assert ended == ["work"]


def test_process_that_is_run_once_ends_with_the_supervisor(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path, quiet=True)
    with supervisor:
        task = threading.Thread(
            target=supervisor.once, args=("once", [sys.executable, "-c", FOREVER])
        )
        task.start()
        log = tmp_path / "once.log"
        wait_healthy(lambda: log.exists() and "up" in log.read_text(), 30, "once")
    task.join(5)
    assert not task.is_alive()
    with pytest.raises(DevnetError, match="being stopped"):
        supervisor.run("late", [sys.executable, "-c", FOREVER])


def test_process_that_ignores_the_request_is_killed_with_its_children(tmp_path: Path) -> None:
    program = (
        "import signal, subprocess, sys\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        "print(child.pid, flush=True); child.wait()\n"
    )
    with Supervisor(tmp_path, quiet=True) as supervisor:
        process = supervisor.run("stubborn", [sys.executable, "-c", program], grace_s=0.3)
        wait_healthy(lambda: process.last_line.isdigit(), 10, "the stubborn one")
        parent, child = process.pid, int(process.last_line)
    wait_healthy(lambda: not is_running(parent) and not is_running(child), 5, "the end")


def test_output_is_logged_with_time_and_name(tmp_path: Path) -> None:
    with Supervisor(tmp_path, quiet=True) as supervisor:
        process = supervisor.run("voice", [sys.executable, "-c", "print('hello')"], restart=False)
        process.wait(10)
        assert process.last_line == "hello"
    for name in ("voice.log", "all.log"):
        assert (tmp_path / name).read_text().rstrip().endswith(" voice | hello")


def test_unhealthy_process_is_named_with_its_last_line(tmp_path: Path) -> None:
    with Supervisor(tmp_path, quiet=True) as supervisor:
        process = supervisor.run("shy", [sys.executable, "-c", FOREVER])
        wait_healthy(lambda: process.last_line == "up", 10, "shy")
        with pytest.raises(DevnetError, match=r"shy did not become healthy within 0 s \(up"):
            wait_healthy(lambda: False, 0.2, "shy", process)


def test_program_that_failed_on_a_full_disk_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every disk counts as full here: none has so much space."""
    monkeypatch.setattr(paths, "FULL_MIB", 2**40)
    with Supervisor(tmp_path, quiet=True) as supervisor:
        process = supervisor.run("weak", [sys.executable, "-c", "exit(3)"], restart=False)
        assert process.wait(10) == 3
        with pytest.raises(DevnetError) as error:
            process.fail_if_dead()
    assert str(error.value) == (
        f"weak failed, and no disk space is left for {tmp_path.parent}: free at least 512 MiB, then"
        " start again."
    )


def test_log_that_cannot_be_written_holds_no_program_up(tmp_path: Path) -> None:
    (tmp_path / "voice.log").mkdir()
    with Supervisor(tmp_path, quiet=True) as supervisor:
        code = "print('hello ' * 100_000)\nprint('done')"
        process = supervisor.run("voice", [sys.executable, "-c", code], restart=False)
        assert process.wait(10) == 0
        assert process.last_line == "done"


def test_program_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with (
        Supervisor(tmp_path, quiet=True) as supervisor,
        pytest.raises(DevnetError, match=r"ghost cannot be started \(No such file"),
    ):
        supervisor.run("ghost", ["/does/not/exist"])


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_orphan_is_left_when_the_supervisor_ends(tmp_path: Path, how: signal.Signals) -> None:
    # The child ignores SIGTERM and has a child of its own: the reaper must kill both.
    child = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "grand = subprocess.Popen(['sleep', '600'])\n"
        "print('pids', grand.pid, flush=True); time.sleep(600)\n"
    )
    program = (
        "import sys; from pathlib import Path\n"
        "from scripts.devnet import Supervisor, wait_healthy\n"
        "with Supervisor(Path(sys.argv[1]), quiet=True) as s:\n"
        "    p = s.run('child', [sys.executable, '-c', sys.argv[2]], grace_s=0.5)\n"
        "    wait_healthy(lambda: p.last_line.startswith('pids'), 10, 'child')\n"
        "    print(p.pid, p.last_line.split()[1], flush=True)\n"
        "    s.wait(lambda: print('waiting', flush=True))\n"
    )
    supervisor = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path), child],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert supervisor.stdout is not None
    pids = [int(word) for word in supervisor.stdout.readline().split()]
    assert len(pids) == 2
    assert all(is_running(pid) for pid in pids)
    assert supervisor.stdout.readline() == "waiting\n"
    supervisor.send_signal(how)
    supervisor.wait(10)
    supervisor.stdout.close()
    wait_healthy(lambda: not any(is_running(pid) for pid in pids), 10, "the end of the orphans")
