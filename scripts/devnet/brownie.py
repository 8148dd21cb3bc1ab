"""Runs Brownie with the project's own data folder and networks; must not deploy by itself."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.devnet.chain import ACCOUNTS, BLOCK_GAS_LIMIT, CHAIN_ID, HARDFORK, MNEMONIC
from scripts.devnet.errors import DevnetError
from scripts.devnet.places import ROOT, STATE, free_port

HOME = STATE / "home"
LIVE_NETWORK = "fairline"
_SOLC_FOLDER = STATE / "solc"
# A block is a second later than the one before it, however long the machine takes.
GANACHE = "ganache-cli --logging.quiet --miner.timestampIncrement 1"


def environment(home: Path = HOME) -> dict[str, str]:
    """The environment in which Brownie touches nothing outside the project.

    Brownie keeps its networks and accounts in the home folder, and takes compilers from where
    SOLCX_BINARY_PATH points: the home is the project's own here.
    """
    bins = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{ROOT / 'node_modules' / '.bin'}"
    return {
        **os.environ,
        "HOME": str(home),
        "SOLCX_BINARY_PATH": str(_SOLC_FOLDER),
        "PATH": f"{bins}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
    }


def networks(rpc_url: str, port: int, anvil: str = "anvil") -> dict[str, object]:
    """Brownie's list of networks: the live one, and both local chains on a free port."""
    local = {
        "port": port,
        "gas_limit": BLOCK_GAS_LIMIT,
        "accounts": ACCOUNTS,
        "evm_version": HARDFORK,
        "mnemonic": MNEMONIC,
        "chain_id": CHAIN_ID,
    }
    live = {"id": LIVE_NETWORK, "name": "Fairline", "chainid": CHAIN_ID, "host": rpc_url}
    development = [
        {"id": name, "name": title, "cmd": command, "host": "http://127.0.0.1", "timeout": 120}
        | {"cmd_settings": dict(local)}
        for name, title, command in (
            ("development", "Anvil", anvil),
            ("ganache-cli", "Ganache", GANACHE),
        )
    ]
    return {"live": [{"name": "Fairline", "networks": [live]}], "development": development}


def write_networks(rpc_url: str, home: Path = HOME, anvil: str = "anvil") -> None:
    """Writes the networks file before Brownie reads it; Brownie's own is made on first use."""
    import yaml

    folder = home / ".brownie"
    folder.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(networks(rpc_url, free_port(), anvil), sort_keys=False)
    # Renamed into place, so that another run never reads half a file.
    made = folder / f"network-config.{os.getpid()}.yaml"
    made.write_text(text)
    made.replace(folder / "network-config.yaml")


def forget_deployments(project: Path) -> None:
    """Removes Brownie's own record of what lies on the local chain.

    Every local chain has the same id, and Brownie refuses to connect to a new one while its record
    names contracts of an old one. The project's record is contracts/deployments.
    """
    folder = project / "build" / "deployments"
    shutil.rmtree(folder / str(CHAIN_ID), ignore_errors=True)
    record = folder / "map.json"
    if record.exists():
        known = json.loads(record.read_text())
        known.pop(str(CHAIN_ID), None)
        record.write_text(json.dumps(known, indent=2))


def forget_stale_builds(project: Path) -> None:
    """Removes compiled contracts when any source or setting is not as it was.

    Brownie looks at a contract's own imports and its bases, not at what those import: it would go
    on with old bytecode after a change two files away.
    """
    digest = hashlib.sha256()
    for file in [project / "brownie-config.yaml", *sorted((project / "contracts").rglob("*.sol"))]:
        digest.update(str(file.relative_to(project)).encode() + b"\0" + file.read_bytes() + b"\0")
    build = project / "build"
    stamp = build / "sources.sha256"
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    shutil.rmtree(build / "contracts", ignore_errors=True)
    shutil.rmtree(build / "interfaces", ignore_errors=True)
    for folder in ("contracts", "interfaces"):
        (build / folder).mkdir(parents=True, exist_ok=True)
    stamp.write_text(digest.hexdigest())


def run(
    arguments: Sequence[str],
    *,
    rpc_url: str = "",
    home: Path = HOME,
    cwd: Path = ROOT,
    extra: Mapping[str, str] | None = None,
    log: Path | None = None,
    traced: bool = False,
) -> int:
    """Runs `brownie ARGUMENTS` with `extra` in its environment; returns the exit code.

    Its output comes here, or goes into the file `log`. An Anvil that it starts keeps the steps of
    transactions when `traced`.
    """
    program = ROOT / ".venv" / "bin" / "brownie"
    if not program.exists() or not (_SOLC_FOLDER / "solc-v0.8.30").exists():
        raise DevnetError("Brownie is not installed: run python3 scripts/setup.py.")
    anvil = "anvil --steps-tracing" if traced else "anvil"
    write_networks(rpc_url or "http://127.0.0.1:8545", home, anvil)
    forget_deployments(cwd)
    forget_stale_builds(cwd)
    env = {**environment(home), **(extra or {})}
    with open(log, "ab") if log else contextlib.nullcontext() as output:
        done = subprocess.run(
            [str(program), *arguments],
            cwd=cwd,
            env=env,
            stdout=output,
            stderr=output and subprocess.STDOUT,
            check=False,
        )
    return done.returncode


def run_brownie(
    script: str,
    *arguments: str,
    rpc_url: str,
    function: str = "main",
    extra: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> None:
    """Runs a script's function against the chain at `rpc_url`.

    Arguments go to the function. Raises DevnetError when it fails; its output says why.
    """
    argv = ["run", script, function, *arguments, "--network", LIVE_NETWORK]
    code = run(argv, rpc_url=rpc_url, extra=extra, log=log)
    if code != 0:
        where = f"in {log}" if log else "above"
        raise DevnetError(
            f"brownie run {script} {function} ended with exit code {code}: its last lines {where} "
            "say why."
        )


def main() -> int:
    """`python -m scripts.devnet.brownie …` is `brownie …` with this environment."""
    try:
        return run(sys.argv[1:], rpc_url=os.environ.get("RPC_URL", ""))
    except DevnetError as error:
        print(f"brownie: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
