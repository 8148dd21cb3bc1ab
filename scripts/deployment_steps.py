"""Performs the steps of a deployment: contracts, roles, bankroll and owner.

Every step looks at the chain before it acts, so that a run can resume an interrupted one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import brownie
from brownie.exceptions import VirtualMachineError

from protocol.scale import MAX_DECIMALS, Scale
from scripts.deploy_settings import Settings
from scripts.deployment_record import Record, same_code

# Brownie's network objects are made at run time, out of reach of a type checker.
web3: Any = brownie.web3
history: Any = brownie.history

COUNTED_LIMIT_S = 5.0

# The contracts whose code the sportsbook runs on its own storage, in the order of its struct Code.
PARTS = ("Settling", "SelfService", "Administration")


class DeploymentRefused(Exception):
    """Why nothing more was deployed, and what to do."""


@dataclass(frozen=True)
class Step:
    """A change of the contracts' state: its name, whether it is done, and how to do it."""

    name: str
    is_done: Callable[[], bool]
    do: Callable[[], Any]


def containers() -> Any:
    """The compiled contracts of this project, by name."""
    loaded: Any = brownie.project
    return loaded.get_loaded_projects()[0]


def create(settings: Settings, deployer: Any, record: Record, progress: Path) -> dict[str, Any]:
    """Deploys the contracts that are missing; returns all of them by name.

    Raises DeploymentRefused when the token is not a contract or cannot be counted.
    """
    project = containers()

    def made(name: str, container: Any, *arguments: Any) -> Any:
        address = record.contracts.get(name, "")
        if not address or not is_ours(address, container):
            nonce = next_nonce(deployer)
            address = str(deployer.get_deployment_address(nonce))
            record.contracts[name] = address
            record.write(progress)
            print(f"  deploying {container._name}")
            deployer.deploy(container, *arguments, nonce=nonce, silent=True)
        return container.at(address, persist=False)

    if settings.token is None:
        token = made("Token", project.TestToken)
    else:
        token = existing_token(settings.token)
        record.contracts["Token"] = settings.token
    record.token_decimals = decimals_of(token)
    check_bond(settings, Scale.of_decimals(record.token_decimals))
    at, owner = record.contracts, deployer.address
    results = made("Results", project.Results, *results_arguments(settings, owner, at))
    parts = {name: made(name, project[name]) for name in PARTS}
    sportsbook = made("Sportsbook", project.Sportsbook, *sportsbook_arguments(settings, owner, at))
    # The sportsbook has created it.
    bankroll = project.Bankroll.at(sportsbook.BANKROLL(), persist=False)
    record.contracts["Bankroll"] = bankroll.address
    return {
        "Token": token,
        "Results": results,
        **parts,
        "Sportsbook": sportsbook,
        "Bankroll": bankroll,
    }


def next_nonce(deployer: Any) -> int:
    """The nonce of the deployer's next transaction. A node may report a transaction as mined a
    moment before it counts it; then this waits."""
    known = [sent.nonce for sent in history.from_sender(deployer.address) if sent.status >= 0]
    until_s = time.monotonic() + COUNTED_LIMIT_S
    while True:
        nonce = int(web3.eth.get_transaction_count(deployer.address))
        if nonce > max(known, default=-1) or time.monotonic() > until_s:
            return nonce
        time.sleep(0.05)


def results_arguments(settings: Settings, owner: str, at: Mapping[str, str]) -> tuple[Any, ...]:
    """The arguments of Results' constructor; `at` has the addresses of what it needs."""
    return (
        owner,
        at["Token"],
        settings.dispute_window_s,
        settings.council_notice_s,
        settings.dispute_bond_micro,
        (settings.result_signers, settings.result_threshold, settings.arbiter),
    )


def sportsbook_arguments(settings: Settings, owner: str, at: Mapping[str, str]) -> tuple[Any, ...]:
    """The arguments of the sportsbook's constructor; `at` has the addresses of what it needs."""
    return (
        owner,
        at["Token"],
        at["Results"],
        tuple(at[name] for name in PARTS),
        settings.rules,
        settings.limits,
        settings.keys,
        settings.commission_bps,
        settings.commission_to,
    )


def existing_token(address: str) -> Any:
    """The token at an address. Raises DeploymentRefused when it is not a contract."""
    if not web3.eth.get_code(address):
        raise DeploymentRefused(f"TOKEN={address} has no code on this chain.")
    from_abi: Any = brownie.Contract.from_abi
    return from_abi("Token", address, containers().TestToken.abi, persist=False)


def decimals_of(token: Any) -> int:
    """How many decimals the token has. Raises DeploymentRefused for one that does not say or has
    more than 18."""
    try:
        decimals = int(token.decimals())
    except (VirtualMachineError, ValueError, OverflowError):
        raise DeploymentRefused(
            f"TOKEN={token.address} does not say how many decimals it has: it is not an ERC-20"
            " token that the contracts support."
        ) from None
    if decimals > MAX_DECIMALS:
        raise DeploymentRefused(
            f"TOKEN={token.address} has {decimals} decimals; the contracts support at most"
            f" {MAX_DECIMALS}."
        )
    return decimals


def check_bond(settings: Settings, scale: Scale) -> None:
    """Raises DeploymentRefused for a bond that the token cannot move: nobody could dispute."""
    if not scale.is_whole(settings.dispute_bond_micro):
        raise DeploymentRefused(
            f"DISPUTE_BOND_MICRO={settings.dispute_bond_micro} is not a whole number of the"
            f" token's units: give a multiple of {scale.micro_per_unit}."
        )


def steps(settings: Settings, deployer: Any, contracts: dict[str, Any]) -> list[Step]:
    """The steps after the contracts: roles, a bankroll on a local chain, and last the owner."""
    by = {"from": deployer}
    wanted = role_steps(settings, contracts, by)
    if settings.bankroll_micro:
        wanted += bankroll_steps(settings, deployer, contracts, by)
    if settings.owner != deployer.address:
        owned = (contracts["Sportsbook"], contracts["Results"])
        wanted += [offer(contract, settings.owner, by) for contract in owned]
    return wanted


def role_steps(settings: Settings, contracts: dict[str, Any], by: dict[str, Any]) -> list[Step]:
    """Connect the contracts, and set the guardian."""
    sportsbook, results = contracts["Sportsbook"], contracts["Results"]
    return [
        Step(
            "setting the guardian",
            lambda: sportsbook.guardian() == settings.guardian,
            lambda: sportsbook.setGuardian(settings.guardian, by),
        ),
        Step(
            "setting the receiver of results",
            lambda: results.sportsbook() == sportsbook.address,
            lambda: results.setSportsbook(sportsbook, by),
        ),
    ]


def bankroll_steps(
    settings: Settings, deployer: Any, contracts: dict[str, Any], by: dict[str, Any]
) -> list[Step]:
    """Mint and deposit the bankroll, on a local chain."""
    token, bankroll = contracts["Token"], contracts["Bankroll"]
    amount = settings.bankroll_micro

    def funded() -> bool:
        return bool(bankroll.totalSupply() != 0)

    return [
        Step(
            "minting the bankroll's tokens",
            lambda: funded() or token.balanceOf(deployer) >= amount,
            lambda: token.mint(deployer, amount, by),
        ),
        Step(
            "approving the bankroll",
            lambda: funded() or token.allowance(deployer, bankroll) >= amount,
            lambda: token.approve(bankroll, amount, by),
        ),
        Step(
            "depositing the bankroll",
            funded,
            lambda: bankroll.deposit(amount, settings.owner, by),
        ),
    ]


def offer(contract: Any, owner: str, by: dict[str, Any]) -> Step:
    """The first of the two steps that transfer ownership."""
    return Step(
        f"offering the ownership of {contract._name}",
        lambda: owner in (contract.owner(), contract.pendingOwner()),
        lambda: contract.transferOwnership(owner, by),
    )


def is_ours(address: str, container: Any) -> bool:
    """Whether the code at an address is that of a contract as compiled here."""
    compiled = bytes.fromhex(container._build["deployedBytecode"])
    return same_code(bytes(web3.eth.get_code(address)), compiled)
