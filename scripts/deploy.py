"""Deploys the contracts and assigns the roles: `brownie run deploy --network <name>`.

Parameters come from the environment (scripts/deploy_settings.py). It is safe to run twice and to
kill at any line: the address of a contract is recorded before the contract is sent, every later
step looks at the chain first, and a finished deployment is checked and kept.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import brownie

from protocol.scale import MICRO_DECIMALS
from scripts import deploy_settings
from scripts.brownie_retry import retry_lookups
from scripts.deploy_settings import Settings, SettingsInvalid, is_local
from scripts.deployment_record import (
    Record,
    RecordInvalid,
    default_path,
    progress_path,
)
from scripts.deployment_steps import (
    PARTS,
    DeploymentRefused,
    containers,
    create,
    decimals_of,
    difference,
    existing_token,
    steps,
)
from scripts.devnet.chain import account_key
from scripts.verified_build import BuildDiffers, check_build

PENDING_LIMIT_S = 600
DEPLOYED = ("Results", *PARTS, "Sportsbook", "Bankroll")

# Brownie's network objects are made at run time, out of reach of a type checker.
accounts: Any = brownie.accounts
network: Any = brownie.network
web3: Any = brownie.web3


def main() -> None:
    """Deploys with the environment's parameters."""
    try:
        retry_lookups(web3)
        settings = deploy_settings.read(os.environ, web3.chain_id)
        path = Path(os.environ.get("DEPLOYMENT_FILE") or default_path(settings.chain_id))
        if not is_local(settings.chain_id):
            check_build({name: containers()[name]._build for name in DEPLOYED})
        deploy(settings, deployer_account(settings.chain_id), path)
    except (SettingsInvalid, RecordInvalid, DeploymentRefused, BuildDiffers) as error:
        sys.exit(f"deploy: {error}")


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

    Raises DeploymentRefused, RecordInvalid.
    """
    show(settings, deployer, path)
    finished = Record.read(path)
    if finished is not None:
        reason = difference(settings, finished)
        if reason is None:
            print(f"Deployed already, checked and kept: {path}")
            return finished
        if not is_local(settings.chain_id):
            raise DeploymentRefused(
                f"{path} describes another deployment ({reason}): keep it and name another file"
                " with DEPLOYMENT_FILE, or give the same parameters."
            )
        print(f"{path} describes another local deployment ({reason}): deploying again.")
    record = unfinished(settings, path)
    confirm(settings.chain_id)
    wait_for_pending(deployer)
    contracts = create(settings, deployer, record, progress_path(path))
    for step in steps(settings, deployer, contracts):
        if not step.is_done():
            print(f"  {step.name}")
            step.do()
            if not step.is_done():
                raise DeploymentRefused(f"{step.name} had no effect; look at the chain.")
    reason = difference(settings, record)
    if reason is not None:
        raise DeploymentRefused(f"the contracts on the chain differ from the parameters: {reason}.")
    record.write(path)
    progress_path(path).unlink(missing_ok=True)
    for name, address in record.contracts.items():
        print(f"  {name:<12} {address}")
    if settings.owner != deployer.address:
        print(f"Ownership is offered: {settings.owner} must call acceptOwnership() on both:")
        print(f"  Sportsbook {record.contracts['Sportsbook']}")
        print(f"  Results    {record.contracts['Results']}")
    print(f"Deployed: {path}")
    return record


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
    """Asks before real money is spent. Raises DeploymentRefused."""
    if is_local(chain_id) or os.environ.get("YES") == "1":
        return
    if not sys.stdin.isatty():
        raise DeploymentRefused(
            "there is no terminal to confirm on: set YES=1 to deploy without a question."
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


def unfinished(settings: Settings, path: Path) -> Record:
    """The record of an interrupted run, or a new one. Raises DeploymentRefused."""
    fresh = Record(settings.chain_id, web3.eth.block_number, settings.parameters())
    begun = Record.read(progress_path(path))
    if begun is None:
        return fresh
    differing = settings.differences(begun.parameters)
    if not differing and begun.chain_id == settings.chain_id:
        # A local chain that was wiped since has no such block.
        begun.first_block = min(begun.first_block, fresh.first_block)
        print(f"Resuming the unfinished deployment in {progress_path(path)}")
        return begun
    if not is_local(settings.chain_id):
        raise DeploymentRefused(
            f"{progress_path(path)} is an unfinished deployment with other parameters"
            f" ({', '.join(differing) or 'chain_id'}): give the same ones, or move the file away."
        )
    return fresh
