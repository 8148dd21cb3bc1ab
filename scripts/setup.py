"""Installs what this clone needs: .venv, node_modules and the compiler; and builds the app.

Run `python3 scripts/setup.py`. A second run sees that nothing changed and ends at once. It imports
only the standard library, because nothing else is installed yet.
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
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.command_help import no_arguments
from scripts.interrupts import interrupted_by_hangup, raised_again_if_ignored
from scripts.setup_runner import LOG, ROOT, STATE, Progress, Runner, SetupError

VENV = ROOT / ".venv"
TOOLS = STATE / "tools"
STAMP = STATE / "setup.stamp"
APP = ROOT / "web"
CLIENT = ROOT / "clients" / "typescript" / "src"
APP_STAMP = STATE / "app.stamp"
FUZZ = STATE / "fuzz"
SOLC = STATE / "solc" / "solc-v0.8.30"

UV = "uv==0.13.9"
PYTHON_MIN = (3, 11)
NODE_MIN = 20
FREE_MIN_GIB = 2
INPUTS = ("requirements.lock", "requirements-fuzz.lock", "package-lock.json", "scripts/setup.py")
# Modules whose imports cover what the demo's processes load.
STARTED = (
    "brownie._cli.run",
    "backend.app",
    "backend.api.__main__",
    "backend.worker",
    "backend.odds.__main__",
    "backend.markets.__main__",
    "backend.migrate",
    "indexer.service",
    "scripts.demo.__main__",
    "celery.bin.celery",
    "celery.apps.worker",
    "celery.apps.beat",
)


def fingerprint() -> str:
    """Hash of all that decides what gets installed, and of the Python that installs it."""
    digest = hashlib.sha256(f"{sys.version_info[:2]} {ROOT}".encode())
    for name in INPUTS:
        path = ROOT / name
        if not path.exists():
            raise SetupError(f"{name} is missing from this clone; restore it with git checkout.")
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_current(wanted: str) -> bool:
    node = ROOT / "node_modules" / ".bin"
    nodes = (node / "anvil", node / "ganache")
    made = (VENV / "bin" / "python", FUZZ / "bin" / "st", *nodes, SOLC)
    return STAMP.exists() and STAMP.read_text() == wanted and all(p.exists() for p in made)


def app_fingerprint(packages: str) -> str:
    """Hash of all that decides what the app is built to."""
    digest = hashlib.sha256(packages.encode())
    for path in sorted([*APP.rglob("*"), *CLIENT.rglob("*")]):
        if path.is_file() and not path.is_relative_to(APP / "dist"):
            digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def app_is_current(wanted: str) -> bool:
    index = APP / "dist" / "index.html"
    return index.exists() and APP_STAMP.exists() and APP_STAMP.read_text() == wanted


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
            f"Only {free_gib:.1f} GiB of disk space are free for this clone: the set-up needs "
            f"{FREE_MIN_GIB} GiB. Free some and run the same command again."
        )


def clean_environment() -> dict[str, str]:
    """The environment without variables that would lead to another Python or venv."""
    removed = {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}
    env = {k: v for k, v in os.environ.items() if k not in removed}
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


def make_venv(runner: Runner, folder: Path, with_pip: bool) -> None:
    if version_of(folder / "bin" / "python") == str(sys.version_info[:2]):
        return
    options = ["--clear"] if with_pip else ["--clear", "--without-pip"]
    argv = [sys.executable, "-m", "venv", *options, str(folder)]
    runner.run(f"virtual environment {folder.name}", argv, clean_environment())


def has_pip() -> bool:
    argv = [sys.executable, "-m", "pip", "--version"]
    return subprocess.run(argv, env=clean_environment(), capture_output=True).returncode == 0


def install_uv(runner: Runner) -> Path:
    """Installs uv into a folder of its own, with the pip at hand or, where there is none, with the
    pip of a virtual environment, which takes longer to make than uv to install."""
    uv = TOOLS / "bin" / "uv"
    answer = ""
    if uv.exists():
        answer = subprocess.run([uv, "--version"], capture_output=True, text=True).stdout
    if UV.split("==")[1] in answer.split():
        return uv
    shutil.rmtree(TOOLS, ignore_errors=True)
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if has_pip():
        argv = [sys.executable, *install, "--target", str(TOOLS), UV]
    else:
        make_venv(runner, TOOLS, with_pip=True)
        argv = [str(TOOLS / "bin" / "python"), *install, UV]
    runner.run("package installer", argv, clean_environment())
    return uv


def install_python_packages(runner: Runner) -> None:
    uv = install_uv(runner)
    make_venv(runner, VENV, with_pip=False)
    python = VENV / "bin" / "python"
    argv = [str(uv), "pip", "sync", "--python", str(python), "--require-hashes"]
    runner.run("Python packages", [*argv, "requirements.lock"], clean_environment())
    make_venv(runner, FUZZ, with_pip=False)
    argv[argv.index(str(python))] = str(FUZZ / "bin" / "python")
    runner.run("Schemathesis", [*argv, "requirements-fuzz.lock"], clean_environment())
    # What the services and Brownie import is compiled now, once; otherwise each of them would
    # compile it when they start side by side. The rest is compiled when it is first imported.
    env = {**clean_environment(), "HOME": str(STATE / "home"), "REDIS_URL": "redis://localhost"}
    (STATE / "home").mkdir(exist_ok=True)
    code = f"import importlib\nfor name in {STARTED!r}:\n    importlib.import_module(name)"
    runner.run("Python bytecode", [str(python), "-W", "ignore", "-c", code], env)


def install_node_packages(runner: Runner) -> None:
    argv = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        # Asks the registry for nothing that npm has downloaded before.
        runner.run("Node packages", [*argv, "--prefer-offline"])
    except SetupError as error:
        # npm's own list of a package's versions may be older than the lock file.
        if "ETARGET" not in str(error):
            raise
        runner.run("Node packages", argv)


def install_packages() -> None:
    """Installs the packages of both languages at the same time."""
    with Progress() as progress, ThreadPoolExecutor(2) as pool:
        runner = Runner(progress)
        steps = [
            pool.submit(install, runner)
            for install in (install_python_packages, install_node_packages)
        ]
        try:
            for step in as_completed(steps):
                step.result()
        except BaseException:
            runner.stop()
            raise


def write_solc_launcher() -> None:
    """Writes the executable that Brownie and forge look for; it runs the compiler from npm."""
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


def build_app(runner: Runner) -> None:
    """Builds web/dist. It needs no network."""
    vite = ROOT / "node_modules" / "vite" / "bin" / "vite.js"
    # The usual loader of its settings writes into the sources' folder.
    options = ["--configLoader", "runner", "--logLevel", "warn"]
    try:
        runner.run("app", ["node", str(vite), "build", str(APP), *options])
    except BaseException:
        runner.stop()
        raise


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Lets one set-up of a clone run at a time; another one waits."""
    with (STATE / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def set_up() -> None:
    check_python()
    wanted = fingerprint()
    if is_current(wanted) and app_is_current(app_fingerprint(wanted)):
        return
    check_machine()
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with only_one():
        if not is_current(wanted):
            LOG.write_text("")
            STAMP.unlink(missing_ok=True)
            install_packages()
            write_solc_launcher()
            STAMP.write_text(wanted)
        built = app_fingerprint(wanted)
        if not app_is_current(built):
            APP_STAMP.unlink(missing_ok=True)
            with Progress() as progress:
                build_app(Runner(progress))
            APP_STAMP.write_text(built)
    print("set-up: done")


def main() -> int:
    try:
        with raised_again_if_ignored(), interrupted_by_hangup():
            set_up()
    except SetupError as error:
        print(f"set-up: {error}", file=sys.stderr)
        return 2
    except PermissionError as error:
        print(
            f"set-up: {error.filename} cannot be written: give yourself write permission for "
            "this clone and run the same command again.",
            file=sys.stderr,
        )
        return 2
    except OSError as error:
        print(f"set-up: {error}: correct this and run the same command again.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        with contextlib.suppress(OSError):  # A terminal that was closed.
            print("\nset-up: interrupted; run the same command again to continue.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    no_arguments("python3 scripts/setup.py", __doc__)
    sys.exit(main())
