"""Prepares a clone: .venv, node_modules and the compiler; must import only the standard library.

Run `python3 scripts/setup.py`. A second run notices that nothing changed and ends at once.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".devnet"
VENV = ROOT / ".venv"
TOOLS = STATE / "tools"
STAMP = STATE / "setup.stamp"
LOG = STATE / "logs" / "setup.log"
SOLC = STATE / "solc" / "solc-v0.8.30"

UV = "uv==0.13.9"
PYTHON_MIN = (3, 11)
NODE_MIN = 20
FREE_MIN_GIB = 2
INPUTS = ("requirements.lock", "package-lock.json", "scripts/setup.py")
NETWORK_WORDS = re.compile(
    r"dns error|could not connect|connection (refused|reset|error)|timed? ?out|ENOTFOUND|ECONN"
    r"|EAI_AGAIN|name resolution|network is unreachable|error sending request|No matching dist",
    re.IGNORECASE,
)


class SetupError(Exception):
    """One sentence: what is missing, and what to do."""


def fingerprint() -> str:
    """Hash of everything that the set-up is made from, with the Python that makes it."""
    digest = hashlib.sha256(f"{sys.version_info[:2]} {ROOT}".encode())
    for name in INPUTS:
        path = ROOT / name
        if not path.exists():
            raise SetupError(f"{name} is missing from this clone; restore it with git checkout.")
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_current(wanted: str) -> bool:
    made = (VENV / "bin" / "python", ROOT / "node_modules" / ".bin" / "anvil", SOLC)
    return STAMP.exists() and STAMP.read_text() == wanted and all(p.exists() for p in made)


def check_python() -> None:
    if sys.version_info[:2] < PYTHON_MIN:
        raise SetupError(
            f"Python {sys.version.split()[0]} is too old: install Python 3.11 or newer and run "
            "`python3.11 scripts/setup.py` with it."
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        raise SetupError(
            "This Python has no venv module: install it (on Debian and Ubuntu: "
            "apt-get install python3-venv) and run the same command again."
        ) from None


def check_machine() -> None:
    """Raises SetupError for the first tool that is missing."""
    node = shutil.which("node")
    if node is None:
        raise SetupError("Node.js was not found on PATH: install Node.js 20 or newer, with npm.")
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    major = re.match(r"v(\d+)\.", answer.stdout)
    if major is None or int(major.group(1)) < NODE_MIN:
        raise SetupError(
            f"Node.js {answer.stdout.strip() or '(no version)'} is too old: install Node.js 20 "
            "or newer."
        )
    if shutil.which("npm") is None:
        raise SetupError("npm was not found on PATH: install npm, which comes with Node.js.")
    if not any(shutil.which(name) for name in ("cc", "gcc", "clang")):
        raise SetupError(
            "No C compiler was found on PATH: install gcc or clang (on Debian and Ubuntu: "
            "apt-get install build-essential)."
        )
    free_gib = shutil.disk_usage(ROOT).free / 2**30
    if free_gib < FREE_MIN_GIB:
        raise SetupError(
            f"Only {free_gib:.1f} GiB of disk are free where this clone lies: the set-up needs "
            f"{FREE_MIN_GIB} GiB; free some and run the same command again."
        )


def run(what: str, argv: Sequence[str], env: dict[str, str] | None = None) -> None:
    """Runs one step with its output in the log; raises SetupError when it fails."""
    started = time.monotonic()
    print(f"set-up: {what} …", end="", flush=True)
    with LOG.open("a") as log:
        log.write(f"\n$ {' '.join(argv)}\n")
        log.flush()
        begin = log.tell()
        code = subprocess.run(
            argv, cwd=ROOT, env=env or dict(os.environ), stdin=subprocess.DEVNULL,
            stdout=log, stderr=subprocess.STDOUT, check=False,
        ).returncode  # fmt: skip
    if code == 0:
        print(f" {time.monotonic() - started:.0f} s")
        return
    print(" failed")
    with LOG.open(errors="replace") as log:
        log.seek(begin)
        said = log.read()
    name = LOG.relative_to(ROOT)
    if NETWORK_WORDS.search(said):
        raise SetupError(
            f"The package registry could not be reached ({what}): check the network or the proxy "
            f"and run the same command again; the full log is {name}."
        )
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    reason = next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "")
    raise SetupError(
        f"{what} failed with exit code {code} ({reason[:160]}): see {name}, then run the same "
        "command again."
    )


def clean_environment() -> dict[str, str]:
    """The environment without what would bend the set-up to another Python or venv."""
    env = {k: v for k, v in os.environ.items() if k not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    env["UV_PYTHON_DOWNLOADS"] = "never"
    if "PIP_CERT" in env:
        env.setdefault("SSL_CERT_FILE", env["PIP_CERT"])
    return env


def version_of(python: Path) -> str:
    if not python.exists():
        return ""
    code = "import sys; print(sys.version_info[:2])"
    answer = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=False)
    return answer.stdout.strip()


def make_venv(folder: Path, with_pip: bool) -> None:
    if version_of(folder / "bin" / "python") == str(sys.version_info[:2]):
        return
    options = ["--clear"] if with_pip else ["--clear", "--without-pip"]
    argv = [sys.executable, "-m", "venv", *options, str(folder)]
    run(f"virtual environment {folder.relative_to(ROOT)}", argv, clean_environment())


def install_uv() -> Path:
    make_venv(TOOLS, with_pip=True)
    uv = TOOLS / "bin" / "uv"
    answer = ""
    if uv.exists():
        answer = subprocess.run([uv, "--version"], capture_output=True, text=True).stdout
    if UV.split("==")[1] not in answer.split():
        argv = [str(TOOLS / "bin" / "python"), "-m", "pip", "install", "--quiet", UV]
        run("installer", argv, clean_environment())
    return uv


def install_python_packages() -> None:
    uv = install_uv()
    make_venv(VENV, with_pip=False)
    argv = [str(uv), "pip", "sync", "--python", str(VENV / "bin" / "python"), "--require-hashes"]
    # Compiled at once, so that the first start of every process is a quick one.
    run("Python packages", [*argv, "--compile-bytecode", "requirements.lock"], clean_environment())


def install_node_packages() -> None:
    argv = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    run("compiler, chains and contract library", argv)


def write_solc_launcher() -> None:
    """Brownie and forge look for an executable of this name; it hands over to the npm compiler."""
    SOLC.parent.mkdir(parents=True, exist_ok=True)
    SOLC.write_text('#!/bin/sh\nexec node "$(dirname "$0")/../../scripts/solc_shim.js" "$@"\n')
    SOLC.chmod(0o755)
    answer = subprocess.run([str(SOLC), "--version"], capture_output=True, text=True, check=False)
    if "Version: 0.8.30+commit.73712a01" not in answer.stdout:
        reason = (answer.stderr or answer.stdout).strip().splitlines()[-1:]
        raise SetupError(
            f"The Solidity compiler does not start ({''.join(reason)[:160]}): remove node_modules "
            "and run the same command again."
        )


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Two set-ups of one clone at once take turns."""
    with (STATE / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def set_up() -> None:
    check_python()
    wanted = fingerprint()
    if is_current(wanted):
        return
    check_machine()
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with only_one():
        if is_current(wanted):
            return
        LOG.write_text("")
        STAMP.unlink(missing_ok=True)
        install_python_packages()
        install_node_packages()
        write_solc_launcher()
        STAMP.write_text(wanted)
    print("set-up: done")


def main() -> int:
    try:
        set_up()
    except SetupError as error:
        print(f"set-up: {error}", file=sys.stderr)
        return 2
    except PermissionError as error:
        print(
            f"set-up: {error.filename} cannot be written: give yourself the right to write in "
            "this clone and run the same command again.",
            file=sys.stderr,
        )
        return 2
    except OSError as error:
        print(f"set-up: {error}: put that right and run the same command again.", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
