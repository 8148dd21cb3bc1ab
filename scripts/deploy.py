"""Deploys the contracts and assigns the roles: `brownie run deploy --network <name>`.

Parameters come from the environment (scripts/deploy_settings.py). It is safe to run twice and to
kill at any line: the address of a contract is recorded before the contract is sent, every later
step looks at the chain first, and a finished deployment is checked and kept.

Exit code 0: the deployment is as the settings say. 1: refused. CHANGED: it is kept, but was changed
since.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import brownie
from brownie._config import CONFIG

from protocol.scale import MICRO_DECIMALS
from scripts import deploy_settings
from scripts.brownie_retry import retry_lookups
from scripts.deploy_settings import Settings, SettingsInvalid, is_local
from scripts.deployment_check import compare, genesis_hash
from scripts.deployment_claim import DeploymentUsed, refuse_used
from scripts.deployment_record import (
    Record,
    RecordInvalid,
    default_path,
    progress_path,
    set_aside,
)
from scripts.deployment_steps import (
    PARTS,
    DeploymentRefused,
    containers,
    create,
    decimals_of,
    existing_token,
    steps,
)
from scripts.devnet.chain import account_key
from scripts.devnet.paths import STATE
from scripts.verified_build import BuildDiffers, check_build

CHANGED = 3
PENDING_LIMIT_S = 600
DEPLOYED = ("Results", *PARTS, "Sportsbook", "Bankroll")

# Brownie's network objects are made at run time, out of reach of a type checker.
accounts: Any = brownie.accounts
network: Any = brownie.network
web3: Any = brownie.web3
rpc: Any = brownie.rpc


class DeploymentChanged(Exception):
    """How a deployment that was kept differs from the settings with which it began."""


def main() -> None:
    """Deploys with the environment's parameters."""
    try:
        retry_lookups(web3)
        check_chain_id(web3.chain_id)
        settings = deploy_settings.read(os.environ, web3.chain_id)
        path = Path(os.environ.get("DEPLOYMENT_FILE") or usual_path(settings.chain_id))
        if not is_local(settings.chain_id):
            check_build({name: containers()[name]._build for name in DEPLOYED})
        deploy(settings, deployer_account(settings.chain_id), path)
    except (
        SettingsInvalid,
        RecordInvalid,
        DeploymentUsed,
        DeploymentRefused,
        BuildDiffers,
    ) as error:
        sys.exit(f"deploy: {error}")
    except DeploymentChanged as error:
        print(f"deploy: {error}", file=sys.stderr)
        sys.exit(CHANGED)


def check_chain_id(chain_id: int) -> None:
    """Raises DeploymentRefused when Brownie's network is configured for another chain than the one
    that its node serves."""
    active = CONFIG.active_network
    configured = active.get("chainid")
    if configured is not None and int(configured) != chain_id:
        raise DeploymentRefused(
            f"Brownie's network {active['id']} has chainid={configured}, and its node serves chain"
            f" {chain_id}: use the node of that chain, or correct the network with `brownie"
            f" networks modify {active['id']} chainid={chain_id}`."
        )


def usual_path(chain_id: int) -> Path:
    """Where the deployment file is written that nobody names. Not beside those of chains that last,
    when Brownie has started the chain and will stop it."""
    if not rpc.is_child():
        return default_path(chain_id)
    print(
        "This is a dry run: no chain was running, so Brownie has started one, which ends with"
        " this command. Start `make devnet` first to deploy on a chain that stays."
    )
    folder = STATE / "dry-run"
    shutil.rmtree(folder, ignore_errors=True)
    return folder / f"{chain_id}.json"


def deployer_account(chain_id: int) -> Any:
    """The account that pays. Raises DeploymentRefused when it is not named or cannot be loaded."""
    key = os.environ.get("DEPLOYER_KEY", "").strip()
    name = os.environ.get("DEPLOYER_ACCOUNT", "").strip()
    if name:
        try:
            return accounts.load(name)
        except FileNotFoundError:
            raise DeploymentRefused(
                f"Brownie has no account {name}: see `brownie accounts list`."
            ) from None
    if not key:
        if not is_local(chain_id):
            raise DeploymentRefused(
                "set DEPLOYER_ACCOUNT to the name of a Brownie account, or set DEPLOYER_KEY."
            )
        key = account_key(0)
    try:
        return accounts.add(key)
    except Exception:
        # The library's own message would show the key.
        raise DeploymentRefused(
            "DEPLOYER_KEY is not a private key: give 0x and 64 hex digits."
        ) from None


def deploy(settings: Settings, deployer: Any, path: Path) -> Record:
    """Deploys what `settings` describe, unless it is deployed already; writes the file at `path`.

    Raises DeploymentRefused, RecordInvalid, DeploymentUsed where the file of a running devnet would
    be replaced, and DeploymentChanged when it is deployed already and not as it was.
    """
    show(settings, deployer, path)
    finished = Record.read(path)
    if finished is not None:
        reasons = keep(settings, deployer, finished, path)
        if not reasons:
            return finished
        if not is_local(settings.chain_id):
            raise DeploymentRefused(
                f"{path} is not the deployment that the settings describe:{listed(reasons)}\n"
                "Keep the file and name another one with DEPLOYMENT_FILE, or give the settings of"
                " that deployment."
            )
        print(f"{path} is another local deployment:{listed(reasons)}\nDeploying again.")
    refuse_used(path)
    record = unfinished(settings, deployer, path)
    confirm(settings.chain_id)
    wait_for_pending(deployer)
    contracts = create(settings, deployer, record, progress_path(path))
    for step in steps(settings, deployer, contracts):
        if not step.is_done():
            print(f"  {step.name}")
            step.do()
            if not step.is_done():
                raise DeploymentRefused(f"{step.name} had no effect; look at the chain.")
    finish(settings, record, path)
    for name, address in record.contracts.items():
        print(f"  {name:<12} {address}")
    if settings.owner != deployer.address:
        print(f"Ownership is offered: {settings.owner} must call acceptOwnership() on both:")
        print(f"  Sportsbook {record.contracts['Sportsbook']}")
        print(f"  Results    {record.contracts['Results']}")
    print(f"Deployed: {path}")
    return record


def keep(settings: Settings, deployer: Any, finished: Record, path: Path) -> list[str]:
    """Checks a finished deployment; returns why it is not the one that the settings describe.

    Raises DeploymentChanged when it is, but not as it was.
    """
    found = compare(settings, finished)
    if found.refused:
        return found.refused
    begun = Record.read(progress_path(path))
    if begun is not None and begun.is_same(finished):
        # The run that finished it ended before it could do this.
        progress_path(path).unlink()
    changed = list(found.changed)
    if finished.deployer == deployer.address:
        for note in found.notes:
            print(f"  {note}")
    elif found.notes:
        changed += [f"{finished.deployer} deployed it, not {deployer.address}", *found.notes]
    if changed:
        raise DeploymentChanged(
            f"{path} is kept and nothing was sent: it began as the settings say. Since"
            f" then it has changed:{listed(changed)}\n"
            "If its owner and guardian know of each of these, there is nothing to do."
        )
    print(f"Deployed already, checked and kept: {path}")
    return []


def finish(settings: Settings, record: Record, path: Path) -> None:
    """Checks what this run or an interrupted one deployed, and writes its file. Raises
    DeploymentRefused for anything that the settings do not name: nobody had a reason to change it.
    """
    found = compare(settings, record)
    if found.refused or found.changed:
        raise DeploymentRefused(
            "the contracts on the chain are not what the settings describe:"
            f"{listed(found.refused + found.changed)}\n"
            f"Do not use them. Move {progress_path(path)} away to deploy others."
        )
    replaced = Record.read(path)
    if replaced is not None and not replaced.is_same(record):
        print(f"The file of the other deployment is now {set_aside(path, replaced)}")
    record.write(path)
    progress_path(path).unlink(missing_ok=True)


def listed(sentences: list[str]) -> str:
    """Sentences one below the other."""
    return "".join(f"\n  - {sentence}" for sentence in sentences)


def show(settings: Settings, deployer: Any, path: Path) -> None:
    """Prints every parameter."""
    rows: dict[str, Any] = {"chain id": settings.chain_id, "network": network.show_active()}
    rows |= {"deployer": deployer.address, "balance, wei": deployer.balance()}
    for name, value in settings.parameters().items():
        rows[name] = ", ".join(value) if isinstance(value, list) else value
    if settings.token is None:
        rows["token"] = "a new test token that anybody can mint"
        rows["token decimals"] = MICRO_DECIMALS
    else:
        rows["token decimals"] = decimals_of(existing_token(settings.token))
    rows["deployment file"] = path
    width = max(len(name) for name in rows)
    for name, value in rows.items():
        print(f"  {name:<{width}}  {value}")


def confirm(chain_id: int) -> None:
    """Asks before real money is spent, and on every network that Brownie calls live: what it serves
    may be somebody's. Raises DeploymentRefused."""
    of_brownie = CONFIG.network_type == "development"
    if (is_local(chain_id) and of_brownie) or os.environ.get("YES") == "1":
        return
    if not sys.stdin.isatty():
        raise DeploymentRefused(
            "there is no terminal to confirm on: set YES=1 to deploy without being asked."
        )
    if input('Deploy with these parameters? Type "yes": ').strip() != "yes":
        raise DeploymentRefused("not confirmed; nothing was sent.")


def wait_for_pending(deployer: Any) -> None:
    """Waits for the transactions of a killed run, so that nothing is sent twice. Raises
    DeploymentRefused."""
    until_s = time.monotonic() + PENDING_LIMIT_S
    while True:
        mined = web3.eth.get_transaction_count(deployer.address, "latest")
        if web3.eth.get_transaction_count(deployer.address, "pending") <= mined:
            return
        if time.monotonic() > until_s:
            raise DeploymentRefused(
                f"{deployer.address} has had pending transactions for {PENDING_LIMIT_S} s: replace"
                " or cancel them, then run this again."
            )
        time.sleep(1)


def unfinished(settings: Settings, deployer: Any, path: Path) -> Record:
    """The record of an interrupted run, or a new one. Raises DeploymentRefused."""
    fresh = Record(
        settings.chain_id,
        genesis_hash(),
        web3.eth.block_number,
        deployer.address,
        settings.parameters(),
    )
    progress = progress_path(path)
    begun = Record.read(progress)
    if begun is None:
        return fresh
    differing = [
        name
        for name in ("chain_id", "genesis_hash", "deployer")
        if getattr(begun, name) != getattr(fresh, name)
    ]
    differing += settings.differences(begun.parameters)
    if not differing:
        # A local chain that was wiped since may have the same first block, and not this one.
        begun.first_block = min(begun.first_block, fresh.first_block)
        print(f"Resuming the unfinished deployment in {progress}")
        return begun
    if not is_local(settings.chain_id):
        raise DeploymentRefused(
            f"{progress} is an unfinished deployment with other parameters"
            f" ({', '.join(differing)}): give the same ones, or move the file away."
        )
    print(
        f"{progress} is another unfinished deployment ({', '.join(differing)}): it is now"
        f" {set_aside(progress, begun)}"
    )
    return fresh
