"""Deploys a house with Brownie, for the tests of the contracts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import brownie
from brownie import LibraryHarness, accounts

from protocol.scale import MICRO_DECIMALS, Scale
from tests.support.deployment import RULES, Limits, Roles, deploy_house
from tests.support.people import CASH_OUT_SIGNER, WITHDRAWAL_SIGNER, in_order, key, key_address
from tests.support.terms import NOBODY


class DeployedHouse:
    """Contracts with roles and money in them. Accounts 0 to 8 hold the roles of a deployment."""

    def __init__(
        self,
        commission_bps: int = 0,
        token_contract: str = "TestToken",
        decimals: int = MICRO_DECIMALS,
    ) -> None:
        self.scale = Scale.of_decimals(decimals)
        self.owner, self.operator, self.receipt_signer, self.guardian = accounts[:4]
        self.arbiter, self.partner = accounts[7:9]
        self.signer_keys = in_order(key(i) for i in (4, 5, 6))
        self._contracts: dict[str, Any] = {}
        roles = Roles(
            owner=self.owner.address,
            operator=self.operator.address,
            receipt_signer=self.receipt_signer.address,
            cash_out_signer=key_address(CASH_OUT_SIGNER),
            withdrawal_signer=key_address(WITHDRAWAL_SIGNER),
            guardian=self.guardian.address,
            arbiter=self.arbiter.address,
            partner=self.partner.address,
            signer_keys=self.signer_keys,
        )
        deploy_house(
            self,
            roles,
            commission_bps=commission_bps,
            token_contract=token_contract,
            decimals=decimals,
        )
        self.token = self._contracts[token_contract]
        self.results, self.settling = self._contracts["Results"], self._contracts["Settling"]
        self.sportsbook, self.bankroll = self._contracts["Sportsbook"], self._contracts["Bankroll"]
        self.harness = LibraryHarness.deploy({"from": self.owner})

    @property
    def parts(self) -> list[str]:
        """The contracts' struct Code: whose code the sportsbook runs."""
        names = ("Settling", "SelfService", "Administration")
        return [self._contracts[name].address for name in names]

    def deploy_book(
        self,
        token: Any = None,
        results: Any = None,
        *,
        rules: Sequence[int] = RULES,
        limits: Limits | None = None,
        keys: Sequence[tuple[str, int, int]] = (),
        parts: Sequence[str] | None = None,
        commission: tuple[int, str] = (0, NOBODY),
    ) -> Any:
        """Another sportsbook, with a bankroll of its own. It is not bound to its results."""
        return brownie.Sportsbook.deploy(
            self.owner,
            token or self.token,
            results or self.results,
            parts or self.parts,
            rules,
            (limits or Limits()).arguments(),
            list(keys),
            *commission,
            {"from": self.owner},
        )

    def create(self, contract: str, *arguments: Any) -> str:
        """Deploys a contract of the house."""
        deployed = getattr(brownie, contract).deploy(*arguments, {"from": self.owner})
        self._contracts[contract] = deployed
        return str(deployed.address)

    def adopt(self, contract: str, address: str) -> None:
        """Names a contract that another one has deployed."""
        self._contracts[contract] = getattr(brownie, contract).at(address)

    def read(self, contract: str, function: str) -> Any:
        """The answer of a view without arguments."""
        return getattr(self._contracts[contract], function)()

    def send(self, contract: str, function: str, *arguments: Any) -> Any:
        """A transaction of the owner."""
        return getattr(self._contracts[contract], function)(*arguments, {"from": self.owner})
