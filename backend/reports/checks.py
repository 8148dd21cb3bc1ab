"""Checks what the worker needs of its chain, key and contracts, each in one sentence; changes
nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from backend.deployment import Deployment
from backend.house_keys import KeyState, key_refused
from backend.one_chain import other_chain
from backend.transactions.errors import CallReverted, NodeUnreachable, WrongChain
from backend.transactions.gas import FEE_CAP_GAS_MIN
from backend.transactions.node import Node
from protocol.roles import Role

GWEI = 10**9
# What the key must be able to pay for: a transaction of this gas is never given up.
_GAS_NEEDED = FEE_CAP_GAS_MIN


@dataclass(frozen=True, slots=True)
class HouseKeys:
    """The addresses of the worker's keys."""

    operator: str
    result_signers: Sequence[str]


@dataclass(slots=True)
class Found:
    """Faults that a person has to mend, and delays that may pass."""

    faults: list[str] = field(default_factory=list)
    delays: list[str] = field(default_factory=list)


def check_house(
    node: Node,
    deployment: Deployment,
    keys: HouseKeys,
    max_fee_wei: int,
    now_s: int,
    mirrored: bytes | None = None,
) -> Found:
    """Everything that is wrong. What cannot be asked because of an earlier fault is left out.
    `mirrored` is the hash of the deployment's first block in the mirror."""
    found = Found()
    try:
        node.check_chain()
        other = other_chain(deployment, node.hashes(deployment.first_block), mirrored)
        if other is not None:
            found.faults.append(other)
            return found
        found.faults += _missing_code(node, deployment)
        if not found.faults:
            found.faults += _operator_role(node, deployment, keys, now_s)
            found.faults += _result_keys(node, deployment, keys)
        found.delays += _fees(node, keys.operator, max_fee_wei)
    except WrongChain as error:
        found.faults.append(_sentence(str(error)))
    except NodeUnreachable as error:
        found.delays.append(f"The worker's chain node at RPC_URL cannot be used: {error}.")
    except CallReverted as error:
        found.faults.append(f"A contract of DEPLOYMENT_FILE is another one than it says: {error}.")
    return found


def _missing_code(node: Node, deployment: Deployment) -> list[str]:
    addresses = {
        "Sportsbook": deployment.sportsbook,
        "Results": deployment.results,
        "Bankroll": deployment.bankroll,
        "Token": deployment.token,
    }
    return [
        f"DEPLOYMENT_FILE names {address} as {name}, but chain {deployment.chain_id} has no"
        " contract there: name the file of this deployment, or deploy."
        for name, address in addresses.items()
        if address is not None and not node.has_code(address)
    ]


def _operator_role(node: Node, deployment: Deployment, keys: HouseKeys, now_s: int) -> list[str]:
    role, *rest = node.view("Sportsbook", deployment.sportsbook, "keyOf", keys.operator)
    state = KeyState(Role(role), *rest)
    refused = key_refused(state, Role.OPERATOR, keys.operator, "OPERATOR_KEY", now_s)
    return [] if refused is None else [refused]


def _result_keys(node: Node, deployment: Deployment, keys: HouseKeys) -> list[str]:
    def ask(function: str, *arguments: object) -> Any:
        return node.view("Results", deployment.results, function, *arguments)

    term = ask("term")
    threshold, _arbiter = ask("councilOf", term)
    signers = sum(bool(ask("isResultSigner", term, address)) for address in keys.result_signers)
    if signers >= threshold:
        return []
    return [
        f"RESULT_SIGNER_KEYS has keys of {signers} of the council's signers, and {threshold} must"
        " sign a result: add keys of its signers."
    ]


def _fees(node: Node, operator: str, max_fee_wei: int) -> list[str]:
    base_fee_wei = node.head().base_fee_wei
    if base_fee_wei > max_fee_wei:
        return [
            f"The chain asks {base_fee_wei / GWEI:.1f} gwei for a unit of gas and MAX_FEE_GWEI is"
            f" {max_fee_wei // GWEI}: wait, or raise it."
        ]
    needed_wei = _GAS_NEEDED * (base_fee_wei + node.tip_wei())
    balance_wei = node.balance_wei(operator)
    if balance_wei < needed_wei:
        return [
            f"The account of OPERATOR_KEY, {operator}, has {balance_wei / 10**18:.6f} of the"
            f" chain's coin and a transaction can cost {needed_wei / 10**18:.6f}: send it some."
        ]
    return []


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."
