"""Each requirement that a machine lacks is one sentence and exit code 2; a second run is quick."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.devnet import wait_healthy

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone that was never set up."""
    made = tmp_path / "clone"
    (made / "scripts").mkdir(parents=True)
    for name in (
        "requirements.lock",
        "requirements-fuzz.lock",
        "package-lock.json",
        "package.json",
        "scripts/setup.py",
        "scripts/command_help.py",
        "scripts/interrupts.py",
        "scripts/setup_runner.py",
    ):
        shutil.copy(ROOT / name, made / name)
    return made


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A PATH with fitting stand-ins for node, npm and the C compiler."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, says in (("node", "v22.1.0"), ("npm", "10.0.0"), ("cc", "")):
        script = folder / name
        script.write_text(f"#!/bin/sh\necho '{says}'\n")
        script.chmod(0o755)
    return folder


def run_setup(clone: Path, path: str, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(clone / "scripts" / "setup.py")],
        env={"PATH": path, "HOME": str(clone), **extra},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ("node", "Node.js was not found on PATH: install Node.js 20"),
        ("npm", "npm was not found on PATH"),
        ("cc", "No C compiler was found on PATH: install gcc or clang"),
    ],
)
def test_missing_tool_is_named(clone: Path, tools: Path, missing: str, sentence: str) -> None:
    (tools / missing).unlink()
    done = run_setup(clone, str(tools))
    assert done.returncode == 2
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_old_node_is_refused(clone: Path, tools: Path) -> None:
    (tools / "node").write_text("#!/bin/sh\necho v18.19.0\n")
    done = run_setup(clone, str(tools))
    assert done.returncode == 2
    assert "Node.js v18.19.0 is too old: install Node.js 20 or newer" in done.stderr


def test_missing_lock_file_is_named(clone: Path, tools: Path) -> None:
    (clone / "requirements.lock").unlink()
    done = run_setup(clone, str(tools))
    assert done.returncode == 2
    assert "requirements.lock is missing" in done.stderr


def test_unreachable_registry_is_one_sentence_that_names_the_log(clone: Path, tools: Path) -> None:
    nowhere = "http://127.0.0.1:9/simple"
    done = run_setup(
        clone,
        str(tools),
        PIP_INDEX_URL=nowhere,
        PIP_RETRIES="0",
        PIP_CONFIG_FILE=os.devnull,
        PIP_NO_CACHE_DIR="1",
    )
    assert done.returncode == 2
    assert "The package registry could not be reached" in done.stderr
    assert ".devnet/logs/setup.log" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_npm_that_knows_no_such_version_yet_asks_the_registry(clone: Path, tools: Path) -> None:
    (tools / "npm").write_text(
        '#!/bin/sh\necho "$@" >> calls\ncase "$*" in *--prefer-offline*) '
        "echo npm error code ETARGET; exit 1;; esac\n"
    )
    code = "from scripts.setup import *; LOG.parent.mkdir(parents=True)\n"
    code += "with Progress() as progress: install_node_packages(Runner(progress))"
    argv = [sys.executable, "-c", code]
    subprocess.run(argv, cwd=clone, env={"PATH": str(tools)}, timeout=60, check=True)
    offline, online = (clone / "calls").read_text().splitlines()
    assert offline == f"{online} --prefer-offline"


def test_closed_terminal_ends_what_the_set_up_has_started(clone: Path, tools: Path) -> None:
    """Without a terminal, each step is also named when it begins."""
    number = clone / "npm.pid"
    (tools / "npm").write_text(
        f"#!/bin/sh\necho $$ > {number}.new\nmv {number}.new {number}\n" + ("exec /bin/sleep 300\n")
    )
    (tools / "mv").symlink_to("/bin/mv")
    process = subprocess.Popen(
        [sys.executable, str(clone / "scripts" / "setup.py")],
        env={"PATH": str(tools), "HOME": str(clone), "PIP_INDEX_URL": "http://10.255.255.1/simple"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_healthy(number.exists, 60, "npm")
    npm = int(number.read_text())
    os.kill(npm, 0)
    process.send_signal(signal.SIGHUP)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "set-up: Node packages …" in said.splitlines()
    with pytest.raises(ProcessLookupError):
        os.kill(npm, 0)


def test_second_run_is_silent_and_installs_nothing() -> None:
    state = ROOT / ".devnet"
    # Written by every step that installs something.
    marks = [state / "setup.stamp", state / "logs" / "setup.log"]
    before = [path.stat().st_mtime_ns for path in marks]
    done = run_setup(ROOT, os.environ["PATH"])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [path.stat().st_mtime_ns for path in marks] == before


def test_compiler_answers_like_the_native_one() -> None:
    launcher = ROOT / ".devnet" / "solc" / "solc-v0.8.30"
    said = subprocess.run([launcher, "--version"], capture_output=True, text=True, check=True)
    assert "Version: 0.8.30+commit.73712a01.Linux.g++" in said.stdout
    source = (
        '{"language":"Solidity","sources":{"A.sol":{"content":'
        '"// SPDX-License-Identifier: MIT\\npragma solidity 0.8.30; contract A { }"}},'
        '"settings":{"outputSelection":{"*":{"*":["evm.bytecode.object"]}}}}'
    )
    for arguments in (["--standard-json"], ["--standard-json", "--allow-paths", "."]):
        compiled = subprocess.run(
            [launcher, *arguments], input=source, capture_output=True, text=True, check=True
        )
        assert '"object":"60806040' in compiled.stdout
