"""Answers what the API asks a chain node, with what a test sets; test_chain_view.py has the real
contracts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from backend.chain_view import ChainUnreachable, HouseLimits, HouseState
from backend.contracts.token import Token
from backend.house_keys import KeyState
from backend.house_state import HouseView
from backend.services import Services
from protocol.limits import MAX_MICRO, MAX_TIME_S
from protocol.roles import Role
from tests.backend.api.bettors import UNIT

BUDGET_MICRO = 100_000 * UNIT


def key_state(role: Role, **changes: Any) -> KeyState:
    """A key that counts, with its whole budget."""
    key = KeyState(role, 0, MAX_TIME_S, BUDGET_MICRO, BUDGET_MICRO)
    return replace(key, **changes)


@dataclass
class FakeChain:
    """A chain whose accounts have all used `used` countersigned withdrawals."""

    used: int = 0
    reachable: bool = True
    state: HouseState = field(
        default_factory=lambda: HouseState(
            block=20,
            receipt_key=key_state(Role.RECEIPTS),
            withdrawal_key=key_state(Role.WITHDRAWALS),
            limits=HouseLimits(MAX_MICRO, MAX_MICRO, MAX_MICRO, BUDGET_MICRO),
        )
    )

    def serve(self, services: Services) -> None:
        """Answer in place of the node; what a test changes shows at once."""
        services.chain = self  # type: ignore[assignment]
        services.house = HouseView(lambda: self.house("", ""), max_age_s=-1)

    def set_limits(self, **changes: int) -> None:
        self.state = replace(self.state, limits=replace(self.state.limits, **changes))

    def set_receipt_key(self, **changes: Any) -> None:
        self.state = replace(self.state, receipt_key=replace(self.state.receipt_key, **changes))

    def set_withdrawal_key(self, **changes: Any) -> None:
        key = replace(self.state.withdrawal_key, **changes)
        self.state = replace(self.state, withdrawal_key=key)

    def set_cash_out_key(self, **changes: Any) -> None:
        """Changes of a key that counts."""
        key = replace(key_state(Role.CASH_OUTS), **changes)
        self.state = replace(self.state, cash_out_key=key)

    async def house(
        self, receipt_signer: str, withdrawal_signer: str, cash_out_signer: str | None = None
    ) -> HouseState:
        self._check()
        return self.state

    async def withdrawals_used(self, account: int) -> int:
        self._check()
        return self.used

    async def signature_valid(self, wallet: str, digest: bytes, signature: bytes) -> bool:
        return False

    async def token(self, address: str, chain_id: int) -> Token:
        self._check()
        domain = {
            "name": "Test Dollar",
            "version": "1",
            "chainId": chain_id,
            "verifyingContract": address,
        }
        return Token("Test Dollar", "tUSD", domain, domain)

    async def close(self) -> None:
        pass

    def _check(self) -> None:
        if not self.reachable:
            raise ChainUnreachable("The chain node does not answer; try again.", retry_after_s=2)
