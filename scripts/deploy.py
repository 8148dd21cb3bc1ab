"""Deploys the contracts and gives the roles out: `brownie run deploy --network <name>`.

Parameters come from the environment (scripts/deploy_settings.py). Safe to run twice and to kill at
any line: what a contract's address will be is written down before it is sent, every later step
looks at the chain first, and a finished deployment is checked and kept.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import brownie

from scripts import deploy_settings
from scripts.brownie_retry import retry_lookups
from scripts.deploy_settings import Settings, SettingsInvalid, is_local
from scripts.deployment_record import (
    Record,
    RecordInvalid,
    default_path,
    progress_path,
)
from scripts.deployment_steps import DeploymentRefused, create, difference, steps
from scripts.devnet.chain import account_key

PENDING_LIMIT_S = 600

# Brownie's network objects are made at run time, out of reach of a type checker.
accounts: Any = brownie.accounts
network: Any = brownie.network
web3: Any = brownie.web3


def main() -> None:
    """Deploy with the environment's parameters."""
    try:
        retry_lookups(web3)
        settings = deploy_settings.read(os.environ, web3.chain_id)
        path = Path(os.environ.get("DEPLOYMENT_FILE") or default_path(settings.chain_id))
        deploy(settings, deployer_account(settings.chain_id), path)
    except (SettingsInvalid, RecordInvalid, DeploymentRefused) as error:
        sys.exit(f"deploy: {error}")


def deployer_account(chain_id: int) -> Any:
    """The account that pays. Raises DeploymentRefused when none is named or it cannot be had."""
    key = os.environ.get("DEPLOYER_KEY", "").strip()
    name = os.environ.get("DEPLOYER_ACCOUNT", "").strip()
    if name:
        try:
            return accounts.load(name)
        except FileNotFoundError:
            raise DeploymentRefused(
                f"Brownie knows no account {name}: see `brownie accounts list`."
            ) from None
    if not key:
        if not is_local(chain_id):
            raise DeploymentRefused(
                "set DEPLOYER_ACCOUNT to an account that Brownie keeps, or DEPLOYER_KEY."
            )
        key = account_key(0)
    try:
        return accounts.add(key)
    except Exception:
        # The library's message would show the key.
        raise DeploymentRefused("DEPLOYER_KEY is no private key: 0x and 64 hex digits.") from None


def deploy(settings: Settings, deployer: Any, path: Path) -> Record:
    """Deploy, or find deployed, what `settings` describe; the file at `path` says where.

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
                f"{path} is of another deployment ({reason}): keep it and name another file by"
                " DEPLOYMENT_FILE, or give the same parameters."
            )
        print(f"{path} is of another local deployment ({reason}): deploying anew.")
    record = unfinished(settings, path)
    confirm(settings.chain_id)
    wait_for_pending(deployer)
    contracts = create(settings, deployer, record, progress_path(path))
    for step in steps(settings, deployer, contracts):
        if not step.is_done():
            print(f"  {step.name}")
            step.do()
            if not step.is_done():
                raise DeploymentRefused(f"this had no effect: {step.name}; look at the chain.")
    reason = difference(settings, record)
    if reason is not None:
        raise DeploymentRefused(f"what lies on the chain is not what was asked for: {reason}.")
    record.write(path)
    progress_path(path).unlink(missing_ok=True)
    for name, address in record.contracts.items():
        print(f"  {name:<12} {address}")
    if settings.owner != deployer.address:
        print(f"Ownership is offered: {settings.owner} must call acceptOwnership() on both")
        print(f"  Sportsbook {record.contracts['Sportsbook']}")
        print(f"  Results    {record.contracts['Results']}")
    print(f"Deployed: {path}")
    return record


def show(settings: Settings, deployer: Any, path: Path) -> None:
    """Print every parameter."""
    rows: dict[str, Any] = {"chain id": settings.chain_id, "network": network.show_active()}
    rows |= {"deployer": deployer.address, "balance, wei": deployer.balance()}
    for name, value in settings.parameters().items():
        rows[name] = ", ".join(value) if isinstance(value, list) else value
    if settings.token is None:
        rows["token"] = "a new test token, which anybody can mint"
    rows["deployment file"] = path
    width = max(len(name) for name in rows)
    for name, value in rows.items():
        print(f"  {name:<{width}}  {value}")


def confirm(chain_id: int) -> None:
    """Ask before real money is spent. Raises DeploymentRefused."""
    if is_local(chain_id) or os.environ.get("YES") == "1":
        return
    if not sys.stdin.isatty():
        raise DeploymentRefused("nobody is there to say yes: set YES=1 to deploy unasked.")
    if input('Deploy with these parameters? Type "yes": ').strip() != "yes":
        raise DeploymentRefused("not confirmed; nothing was sent.")


def wait_for_pending(deployer: Any) -> None:
    """Wait for what a killed run has sent, so that nothing is sent twice. Raises
    DeploymentRefused."""
    until_s = time.monotonic() + PENDING_LIMIT_S
    while True:
        mined = web3.eth.get_transaction_count(deployer.address, "latest")
        if web3.eth.get_transaction_count(deployer.address, "pending") <= mined:
            return
        if time.monotonic() > until_s:
            raise DeploymentRefused(
                f"{deployer.address} has had transactions waiting for {PENDING_LIMIT_S} s: see"
                " to them, then run this again."
            )
        time.sleep(1)


def unfinished(settings: Settings, path: Path) -> Record:
    """The progress of a run that was cut short, or a new record. Raises DeploymentRefused."""
    fresh = Record(settings.chain_id, web3.eth.block_number, settings.parameters())
    begun = Record.read(progress_path(path))
    if begun is None:
        return fresh
    differing = settings.differences(begun.parameters)
    if not differing and begun.chain_id == settings.chain_id:
        # A local chain that was wiped since has no such block.
        begun.first_block = min(begun.first_block, fresh.first_block)
        print(f"Going on with the unfinished deployment in {progress_path(path)}")
        return begun
    if not is_local(settings.chain_id):
        raise DeploymentRefused(
            f"{progress_path(path)} is an unfinished deployment with other parameters"
            f" ({', '.join(differing) or 'chain_id'}): give the same ones, or move the file away."
        )
    return fresh
