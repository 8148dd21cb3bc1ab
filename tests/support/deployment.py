"""Deploys a house: contracts that know each other, roles, and a bankroll."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any, Protocol

from protocol.roles import Role
from protocol.scale import MICRO_DECIMALS, Scale
from tests.support.people import council
from tests.support.terms import (
    BANKROLL_MICRO,
    BATCH_WINDOW_S,
    BOND_MICRO,
    CASH_OUT_AGE_S,
    DISPUTE_WINDOW_S,
    EVERYTHING,
    EXIT_DELAY_S,
    HORIZON_S,
    NO_CAP,
    NOTICE_S,
    RECEIPT_BUDGET_MICRO,
    RECEIPT_WINDOW_S,
)

MINTED_MICRO = 10**4 * BANKROLL_MICRO
# The contracts' struct Rules: batch window, receipt window, exit delay, age of a cash-out, notice,
# horizon.
RULES = (
    BATCH_WINDOW_S,
    RECEIPT_WINDOW_S,
    EXIT_DELAY_S,
    CASH_OUT_AGE_S,
    NOTICE_S,
    HORIZON_S,
)


@dataclass(frozen=True)
class Limits:
    """The contracts' struct of the same name, in micro-units; by default there are no caps."""

    market_cap_micro: int = NO_CAP
    fixture_cap_micro: int = NO_CAP
    accumulator_cap_micro: int = NO_CAP
    receipt_reserve_micro: int = RECEIPT_BUDGET_MICRO

    def arguments(self) -> tuple[int, ...]:
        """The struct as a call takes it."""
        return astuple(self)


@dataclass(frozen=True)
class Roles:
    """Who does what, by address; result signers by key, in ascending order of their addresses.
    Without a guardian, or with no operator, the role stays empty."""

    owner: str
    operator: str
    receipt_signer: str
    cash_out_signer: str
    withdrawal_signer: str
    arbiter: str
    partner: str
    signer_keys: Sequence[bytes]
    guardian: str | None = None


class Deployer(Protocol):
    """Sends the owner's transactions: Brownie in the tests of the contracts, web3 elsewhere."""

    def create(self, contract: str, *arguments: Any) -> str:
        """Deploys a contract; returns its address."""

    def adopt(self, contract: str, address: str) -> None:
        """Names a contract that another one has deployed."""

    def read(self, contract: str, function: str) -> Any:
        """What a view of a contract returns, by its name."""

    def send(self, contract: str, function: str, *arguments: Any) -> Any:
        """Calls a function of a contract that was created, by its name."""


def deploy_house(
    deployer: Deployer,
    roles: Roles,
    *,
    commission_bps: int = 0,
    token_contract: str = "TestToken",
    decimals: int = MICRO_DECIMALS,
    threshold: int = 2,
    limits: Limits | None = None,
) -> None:
    """Deploys Results, Sportsbook with its parts, and Bankroll on a token of their own, and lets
    the owner, who holds all tokens, provide the bankroll. Only a ScaledToken has other decimals
    than 6."""
    token = deployer.create(
        token_contract, *([decimals] if token_contract == "ScaledToken" else [])
    )
    scale = Scale.of_decimals(decimals)
    signers = council(roles.signer_keys, threshold, roles.arbiter)
    results = deployer.create(
        "Results", roles.owner, token, DISPUTE_WINDOW_S, NOTICE_S, BOND_MICRO, signers
    )
    parts = [deployer.create(name) for name in ("Settling", "SelfService", "Administration")]
    sportsbook = deployer.create(
        "Sportsbook",
        roles.owner,
        token,
        results,
        parts,
        RULES,
        (limits or Limits()).arguments(),
        keys_of(roles),
        commission_bps,
        roles.partner,
    )
    bankroll = deployer.read("Sportsbook", "BANKROLL")
    deployer.adopt("Bankroll", bankroll)
    deployer.send("Results", "setSportsbook", sportsbook)
    if roles.guardian:
        deployer.send("Sportsbook", "setGuardian", roles.guardian)
    deployer.send(token_contract, "mint", roles.owner, scale.to_units(MINTED_MICRO))
    for spender in (sportsbook, bankroll, results):
        deployer.send(token_contract, "approve", spender, EVERYTHING)
    deployer.send("Bankroll", "deposit", scale.to_units(BANKROLL_MICRO), roles.owner)


def keys_of(roles: Roles) -> list[tuple[str, int, int]]:
    """The contracts' structs KeyGrant of the house's first keys."""
    held = (
        (roles.operator, Role.OPERATOR, NO_CAP),
        (roles.receipt_signer, Role.RECEIPTS, RECEIPT_BUDGET_MICRO),
        (roles.cash_out_signer, Role.CASH_OUTS, NO_CAP),
        (roles.withdrawal_signer, Role.WITHDRAWALS, 0),
    )
    return [grant for grant in held if grant[0]]
