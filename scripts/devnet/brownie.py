"""Runs Brownie with a data folder and networks of this project."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from scripts.devnet.chain import ACCOUNTS, BLOCK_GAS_LIMIT, CHAIN_ID, HARDFORK, MNEMONIC
from scripts.devnet.compiled import prepare_build
from scripts.devnet.errors import DevnetError
from scripts.devnet.paths import ROOT, STATE, free_port, is_free
from scripts.devnet.record import folder, is_running, running
from scripts.devnet.rpc import RpcError, call

HOME = STATE / "home"
LIVE_NETWORK = "fairline"
_SOLC_FOLDER = STATE / "solc"
_PROJECT = (
    *("brownie-config.yaml", "package-lock.json"),
    *("contracts", "node_modules", "scripts", "tests"),
)
# A test that sends thousands of transactions would write the state after each to the disk.
ANVIL = "anvil --prune-history 100"
# A block is a second later than the one before it, however long the machine takes.
GANACHE = "ganache-cli --logging.quiet --miner.timestampIncrement 1"


def environment(home: Path = HOME) -> dict[str, str]:
    """The environment in which Brownie changes nothing outside the project.

    Brownie keeps networks and accounts in the home folder, so it gets another home; it looks for
    compilers where SOLCX_BINARY_PATH points.
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


def networks(
    rpc_url: str, port: int, anvil: str = ANVIL, chain_id: int = CHAIN_ID
) -> dict[str, object]:
    """Brownie's networks: the one at `rpc_url`, of chain `chain_id`, and both local chains on
    `port`."""
    local = {
        "port": port,
        "gas_limit": BLOCK_GAS_LIMIT,
        "accounts": ACCOUNTS,
        "evm_version": HARDFORK,
        "mnemonic": MNEMONIC,
        "chain_id": CHAIN_ID,
    }
    live = {"id": LIVE_NETWORK, "name": "Fairline", "chainid": chain_id, "host": rpc_url}
    development = [
        {"id": name, "name": title, "cmd": command, "host": "http://127.0.0.1", "timeout": 120}
        | {"cmd_settings": dict(local)}
        for name, title, command in (
            ("development", "Anvil", anvil),
            ("ganache-cli", "Ganache", GANACHE),
        )
    ]
    return {"live": [{"name": "Fairline", "networks": [live]}], "development": development}


def write_networks(
    rpc_url: str = "", home: Path = HOME, anvil: str = ANVIL, port: int | None = None
) -> None:
    """Writes the file that Brownie reads its networks from. It starts its local chains on `port`,
    by default a free one, and uses the chain that runs there already."""
    import yaml

    folder = home / ".brownie"
    folder.mkdir(parents=True, exist_ok=True)
    chain_id = _served_chain_id(rpc_url) if rpc_url else CHAIN_ID
    usual = "http://127.0.0.1:8545"
    known = networks(rpc_url or usual, port or free_port(), anvil, chain_id)
    text = yaml.safe_dump(known, sort_keys=False)
    # Renamed, so that another run never reads half a file.
    made = folder / f"network-config.{os.getpid()}.yaml"
    made.write_text(text)
    made.replace(folder / "network-config.yaml")


def _served_chain_id(rpc_url: str) -> int:
    """The chain that a node serves; that of local chains while it does not answer."""
    try:
        return int(call(rpc_url, "eth_chainId", timeout_s=10), 16)
    except (OSError, RpcError, ValueError):
        return CHAIN_ID


def forget_deployments(project: Path) -> None:
    """Removes Brownie's own record of the contracts on local chains.

    Every local chain has the same id, and Brownie refuses to connect to a new one while its record
    names contracts of an old one. The project's own record is contracts/deployments.
    """
    folder = project / "build" / "deployments"
    shutil.rmtree(folder / str(CHAIN_ID), ignore_errors=True)
    record = folder / "map.json"
    if record.exists():
        known = json.loads(record.read_text())
        known.pop(str(CHAIN_ID), None)
        record.write_text(json.dumps(known, indent=2))


def command(
    arguments: Sequence[str],
    *,
    rpc_url: str = "",
    home: Path = HOME,
    cwd: Path = ROOT,
    extra: Mapping[str, str] | None = None,
    traced: bool = False,
    port: int | None = None,
) -> tuple[list[str], dict[str, str]]:
    """The command line and the environment of `brownie ARGUMENTS`, with its folders prepared.

    `extra` is added to the environment. With `traced`, an Anvil that Brownie starts records the
    steps of transactions. `port` is that of a local chain which runs. Raises
    DevnetError when Brownie is not installed.
    """
    program = ROOT / ".venv" / "bin" / "brownie"
    if not program.exists() or not (_SOLC_FOLDER / "solc-v0.8.30").exists():
        raise DevnetError("Brownie is not installed: run python3 scripts/setup.py.")
    anvil = f"{ANVIL} --steps-tracing" if traced else ANVIL
    write_networks(rpc_url, home, anvil, port)
    forget_deployments(cwd)
    prepare_build(cwd)
    return [str(program), *arguments], {**environment(home), **(extra or {})}


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
    """Runs `brownie ARGUMENTS` as `command` describes it; returns the exit code.

    The output goes to this process's output, or to the file `log`.
    """
    argv, env = command(arguments, rpc_url=rpc_url, home=home, cwd=cwd, extra=extra, traced=traced)
    with open(log, "ab") if log else contextlib.nullcontext() as output:
        done = subprocess.run(
            argv,
            cwd=cwd,
            env=env,
            stdout=output,
            stderr=output and subprocess.STDOUT,
            check=False,
        )
    return done.returncode


def deploy_command(
    rpc_url: str, extra: Mapping[str, str], own: Path
) -> tuple[list[str], dict[str, str], Path]:
    """The command line, environment and working folder of the deploy script, for the chain at
    `rpc_url`, which is the caller's: it does not ask.

    Brownie reads the address of a network, and which contracts a chain has, from files that every
    run writes. So each deployment has its own, in the folder `own`: with those of another
    deployment beside it, it would be sent to the other's chain, or look there for its contracts.
    """
    project = _linked_project(own / "project")
    extra = {"YES": "1", **extra}
    arguments = ["run", "deploy", "--network", LIVE_NETWORK]
    argv, env = command(arguments, rpc_url=rpc_url, home=own, cwd=project, extra=extra)
    return argv, env, project


def run_brownie(
    script: str,
    *arguments: str,
    rpc_url: str,
    function: str = "main",
    extra: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> None:
    """Runs a script's function, with these arguments, against the chain at `rpc_url`, which is the
    caller's: a deployment does not ask.

    Raises DevnetError when it fails.
    """
    argv = ["run", script, function, *arguments, "--network", LIVE_NETWORK]
    code = run(argv, rpc_url=rpc_url, extra={"YES": "1", **(extra or {})}, log=log)
    if code != 0:
        where = f"in {log}" if log else "above"
        raise DevnetError(
            f"brownie run {script} {function} ended with exit code {code}: its last lines {where} "
            "say why."
        )


def _linked_project(folder: Path) -> Path:
    """Makes `folder` this project for Brownie, with a record of deployed contracts of its own."""
    prepare_build(ROOT)
    shutil.rmtree(folder, ignore_errors=True)
    build = folder / "build"
    build.mkdir(parents=True)
    for name in _PROJECT:
        (folder / name).symlink_to(ROOT / name)
    for name in ("contracts", "interfaces", "sources.sha256"):
        (build / name).symlink_to(ROOT / "build" / name)
    return folder


def _local_port(rpc_url: str) -> int | None:
    """The port of a local chain that runs, None for any other URL."""
    parts = urlsplit(rpc_url)
    is_local = parts.hostname in ("127.0.0.1", "localhost") and parts.port
    return parts.port if is_local and parts.port and not is_free(parts.port) else None


def check_network(arguments: Sequence[str]) -> None:
    """Raises DevnetError for a `--network` that Brownie would not find here."""
    known = (LIVE_NETWORK, "development", "ganache-cli")
    parser = ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--network", default=LIVE_NETWORK)
    asked = parser.parse_known_args(arguments)[0].network
    if asked not in known:
        raise DevnetError(
            f"there is no network {asked!r} here, only {', '.join(known)}. For another, set RPC_URL"
            f" and use {LIVE_NETWORK}; plain `brownie` alone knows those of `networks add`."
        )


def main() -> int:
    """`python -m scripts.devnet.brownie …` is `brownie …` with this environment. Where a devnet
    runs, scripts and the console use its chain, on every local network; tests never do."""
    arguments = sys.argv[1:]
    home, rpc_url = HOME, os.environ.get("RPC_URL", "")
    port: int | None = None
    extra: dict[str, str] = {}
    try:
        if arguments[:1] in (["run"], ["console"]):
            if is_running(folder()):
                record = running(folder())
                rpc_url = rpc_url or record.rpc_url
                if rpc_url == record.rpc_url and not os.environ.get("DEPLOYMENT_FILE"):
                    extra["DEPLOYMENT_FILE"] = record.deployment_file
            port = _local_port(rpc_url)
            # A home of its own, so that tests beside it do not find this port.
            home = folder() / "home"
        check_network(arguments)
        argv, env = command(arguments, rpc_url=rpc_url, home=home, port=port, extra=extra)
        return subprocess.run(argv, cwd=ROOT, env=env, check=False).returncode
    except DevnetError as error:
        print(f"brownie: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
