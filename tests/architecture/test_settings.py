"""Every setting is in docs/settings.md and in .env.example, with the same example, which works.

Branches: the processes that read it · nothing else in either · the examples are taken by every kind
of settings · what is left out or wrong is one sentence that shows no value · an empty variable is
left out · the end of a line from another system · --help needs no settings.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from backend.api_settings import ApiSettings
from backend.odds.settings import OddsSettings
from backend.settings import DatabaseSettings, DeploymentSettings, load_settings
from backend.settlement.settings import ArbiterSettings, ResultSettings
from backend.stream_settings import StreamSettings
from backend.worker.settings import BrokerSettings, WorkerSettings
from indexer.settings import RunSettings
from scripts.devnet.paths import ROOT
from tests.support import warm_python

KINDS: dict[str, tuple[type[BaseSettings], ...]] = {
    "api": (ApiSettings,),
    "stream": (StreamSettings,),
    "odds": (OddsSettings,),
    "worker": (WorkerSettings,),
    "beat": (BrokerSettings,),
    "indexer": (RunSettings,),
    "commands": (DatabaseSettings, DeploymentSettings, ResultSettings),
}
ROW = re.compile(r"^\| `([A-Z0-9_]+)` \| (.+) \| (.*) \| (.*) \| ([a-z, ]+) \|$", re.MULTILINE)
# It is spoken to through a pipe.
NO_COMMAND = ROOT / "scripts" / "devnet" / "orphan_reaper.py"
COMMANDS = sorted(
    file.relative_to(ROOT).with_suffix("")
    for folder in ("backend", "indexer", "scripts", "bench")
    for file in (ROOT / folder).rglob("*.py")
    if file != NO_COMMAND and "\nif __name__ == " in file.read_text()
)
HELP = (
    *(f"-m {str(path).removesuffix('/__main__').replace('/', '.')}" for path in COMMANDS),
    f"{ROOT}/scripts/setup.py",
    "-m indexer run",
    "-m celery -A backend.worker worker",
    "-m celery -A backend.worker beat",
)


def names_of(*kinds: type[BaseSettings]) -> set[str]:
    return {name.upper() for kind in kinds for name in kind.model_fields}


def table() -> dict[str, set[str]]:
    """The processes of each variable in docs/settings.md."""
    text = (ROOT / "docs" / "settings.md").read_text()
    return {row[0]: set(row[4].split(", ")) for row in ROW.findall(text)}


def examples() -> dict[str, str]:
    """What a shell reads from .env.example."""
    command = "set -a; source .env.example; env -0"
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, env={"PATH": os.environ["PATH"]}, capture_output=True
    )
    pairs = (line.split("=", 1) for line in done.stdout.decode().split("\0") if line)
    return {name: value for name, value in pairs if name in table()}


def test_table_has_the_settings_of_every_process() -> None:
    arbiter = names_of(ArbiterSettings) - names_of(ResultSettings)
    expected: dict[str, set[str]] = {name: {"arbiter"} for name in arbiter}
    for process, kinds in KINDS.items():
        for name in names_of(*kinds):
            expected.setdefault(name, set()).add(process)
    assert table() == expected


def test_example_file_has_the_settings_of_the_table() -> None:
    text = (ROOT / ".env.example").read_text()
    assert re.findall(r"^(?:# )?([A-Z0-9_]+)=", text, re.MULTILINE) == list(table())


@pytest.mark.parametrize(
    "kind",
    [kind for kinds in KINDS.values() for kind in kinds] + [ArbiterSettings],
    ids=lambda kind: kind.__name__,
)
def test_examples_are_taken(kind: type[BaseSettings], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in table():
        monkeypatch.delenv(name, raising=False)
    for name, value in examples().items():
        # The end of a line from another system does not count.
        monkeypatch.setenv(name, value + "\r")
    kind()


WRONG = {
    "CHAIN_ID": ("1337 (local)", "whole number"),
    "CLOCK": ("sundial", "'wall' or 'chain'"),
    "REDIS_URL": ("redis://:pa#ss@127.0.0.1:6379/0", "write %23 for #"),
    "DATABASE_URL": ("localhost/fairline", "postgresql://user:password@host/name"),
    "RPC_URL": ("localhost:8545", "http:// or https://"),
    "RECEIPT_SIGNER_KEY": ("0x1234567890abcdef", "32 bytes in hex"),
    "MAX_LEGS": ("99", "less than or equal to"),
    "MAX_STAKE_MICRO": ("-1", "greater than 0"),
    "CORS_ORIGINS": ("app.example.org/", "https://app.example.org"),
    "METRICS_CLIENTS": ("prometheus", "such as 127.0.0.1, 10.0.0.0/8"),
    "TRUSTED_PROXIES": ("proxy.example.org", "such as 127.0.0.1, 10.0.0.0/8"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_setting_is_one_sentence(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    value, words = WRONG[name]
    for other, example in (examples() | {name: value}).items():
        monkeypatch.setenv(other, example)
    with pytest.raises(SystemExit) as ended:
        load_settings(ApiSettings, "api")
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.startswith(f"api: setting {name} is invalid: "), said
    assert said.count("\n") == 1, said
    assert words in said
    if name not in ("CORS_ORIGINS", "MAX_LEGS", "MAX_STAKE_MICRO"):
        assert value not in said


@pytest.mark.parametrize(
    "kind", [ApiSettings, StreamSettings, WorkerSettings, OddsSettings, BrokerSettings]
)
def test_each_missing_setting_is_one_sentence(
    kind: type[BaseSettings], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in table():
        # Empty counts as left out.
        monkeypatch.setenv(name, "")
    with pytest.raises(SystemExit):
        load_settings(kind, "program")
    required = {n.upper() for n, field in kind.model_fields.items() if field.is_required()}
    said = capsys.readouterr().err.splitlines()
    assert set(said) == {
        f"program: setting {name} is missing: set it in the environment, as .env.example shows"
        for name in required
    }


@pytest.mark.parametrize("command", HELP)
def test_help_needs_no_settings(command: str, tmp_path: Path) -> None:
    done = warm_python.run(
        [sys.executable, *command.split(), "--help"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout.lower()


@pytest.mark.parametrize(
    ("module", "option"),
    [("backend.settlement correct", "send"), ("backend.markets open", "newcomers")],
)
def test_help_shows_flags_without_a_value(module: str, option: str, tmp_path: Path) -> None:
    done = warm_python.run(
        [sys.executable, "-m", *module.split(), "--help"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert f"--{option} " in done.stdout
    assert "bool" not in done.stdout.lower()


@pytest.mark.parametrize(
    "module", ["backend.settlement", "backend.markets", "backend.feed", "indexer"]
)
def test_help_says_of_each_command_a_whole_sentence(module: str, tmp_path: Path) -> None:
    done = warm_python.run(
        [sys.executable, "-m", module, "--help"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    listed = done.stdout.partition("Commands:")[2].splitlines()
    said = [line for line in listed if line.strip()]
    assert len(said) > 1
    assert all(line.endswith(".") and not line.endswith("...") for line in said), said


@pytest.mark.parametrize("module", ["indexer", "backend.markets"])
def test_ctrl_c_while_importing_ends_without_a_word(module: str, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", module, "list"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stderr is not None
    # What imports report of themselves, until our package has begun with those of others.
    for line in process.stderr:
        if "sqlalchemy" in line:
            process.send_signal(signal.SIGINT)
            break
    said = [line for line in process.stderr if not line.startswith("import time:")]
    assert (process.wait(60), said) == (-signal.SIGINT, [])


@pytest.mark.parametrize(
    "package", ["backend.settlement", "bench.odds", "indexer", "scripts.devnet"]
)
def test_python_without_the_environment_is_told_how_to_get_it(package: str) -> None:
    # -S leaves out the folder with the installed packages.
    done = subprocess.run(
        [sys.executable, "-S", "-m", package, "list"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
    assert f"python -m {package} needs the packages of `make setup`" in done.stderr
    assert "source .venv/bin/activate" in done.stderr
