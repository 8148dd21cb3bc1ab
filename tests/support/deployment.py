"""Deploys a house: contracts that know each other, roles, and a bankroll."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tests.support.people import council
from tests.support.terms import (
    BANKROLL_MICRO,
    BOND_MICRO,
    DISPUTE_WINDOW_S,
    EVERYTHING,
    EXIT_DELAY_S,
    NOTICE_S,
    RECEIPT_WINDOW_S,
)

MINTED_MICRO = 10**4 * BANKROLL_MICRO


@dataclass(frozen=True)
class Roles:
    """Who does what, by address; result signers by key, in ascending order of their addresses.
    Without a guardian, or with no operator, the role stays empty."""

    owner: str
    operator: str
    house_signer: str
    arbiter: str
    partner: str
    signer_keys: Sequence[bytes]
    guardian: str | None = None


class Deployer(Protocol):
    """Sends the owner's transactions: Brownie in the tests of the contracts, web3 elsewhere."""

    def create(self, contract: str, *arguments: Any) -> str:
        """Deploys a contract; returns its address."""

    def send(self, contract: str, function: str, *arguments: Any) -> Any:
        """Calls a function of a contract that was created, by its name."""


def deploy_house(
    deployer: Deployer,
    roles: Roles,
    *,
    commission_bps: int = 0,
    token_contract: str = "TestToken",
    threshold: int = 2,
) -> None:
    """Deploys Results, Settling, Sportsbook and Bankroll on a token of their own, and lets the
    owner, who holds all tokens, provide the bankroll."""
    token = deployer.create(token_contract)
    signers = council(roles.signer_keys, threshold, roles.arbiter)
    results = deployer.create(
        "Results", roles.owner, token, DISPUTE_WINDOW_S, NOTICE_S, BOND_MICRO, signers
    )
    settling = deployer.create("Settling")
    sportsbook = deployer.create(
        "Sportsbook", roles.owner, token, results, settling, RECEIPT_WINDOW_S, EXIT_DELAY_S
    )
    bankroll = deployer.create("Bankroll", token, sportsbook, commission_bps, roles.partner)
    deployer.send("Results", "setSportsbook", sportsbook)
    deployer.send("Sportsbook", "setBankroll", bankroll)
    deployer.send("Sportsbook", "setOperator", roles.operator, True)
    deployer.send("Sportsbook", "setSigner", roles.house_signer, True)
    if roles.guardian:
        deployer.send("Sportsbook", "setGuardian", roles.guardian)
    deployer.send(token_contract, "mint", roles.owner, MINTED_MICRO)
    for spender in (sportsbook, bankroll, results):
        deployer.send(token_contract, "approve", spender, EVERYTHING)
    deployer.send("Bankroll", "deposit", BANKROLL_MICRO, roles.owner)
