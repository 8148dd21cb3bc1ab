"""Lists the accounts of a local chain: number, role, address and key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from scripts import deploy_settings as roles
from scripts.devnet.chain import account_key

# The accounts that get test tokens, to bet with.
BETTORS = (10, 11, 12, 13, 14)
BETTOR_TOKENS = 10_000

_ROLES = {
    "owner": "owner",
    "operator": "operator",
    "receipt_signer": "receipts",
    "cash_out_signer": "cash-outs",
    "withdrawal_signer": "withdrawals",
    "guardian": "guardian",
    "arbiter": "arbiter",
    "result_signers": "results",
}


class LocalAccount(NamedTuple):
    """A funded account. Its key is well known: it must never hold real money."""

    number: int
    role: str
    address: str
    key: str


def local_accounts(deployer: str, parameters: Mapping[str, Any]) -> list[LocalAccount]:
    """The accounts with a role in the deployment that has these parameters, and the bettors."""
    listed = []
    for number in range(max(BETTORS) + 1):
        address = roles.local_address(number)
        held = ["deployer"] if address == deployer else []
        held += [name for key, name in _ROLES.items() if address in _addresses(parameters, key)]
        held += ["bettor"] if number in BETTORS else []
        listed.append(LocalAccount(number, ", ".join(held), address, account_key(number)))
    return [account for account in listed if account.role]


def _addresses(parameters: Mapping[str, Any], name: str) -> list[str]:
    value = parameters.get(name)
    return list(value) if isinstance(value, list) else [str(value)]


def table(accounts: list[LocalAccount]) -> list[str]:
    """The lines of a table, aligned."""
    width = max(len(account.role) for account in accounts)
    return [
        f"  {account.number:>2}  {account.role:<{width}}  {account.address}  {account.key}"
        for account in accounts
    ]
