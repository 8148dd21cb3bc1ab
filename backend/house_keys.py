"""Explains why the sportsbook does not accept a key of the house, and what to do; pure."""

from __future__ import annotations

from dataclasses import dataclass

from backend.formatting import utc
from protocol.limits import MAX_TIME_S
from protocol.roles import Role

# The role of each key that a process of the backend holds, by the setting that has it.
ROLE_NAMES = {
    Role.OPERATOR: "Operator",
    Role.RECEIPTS: "Receipts",
    Role.CASH_OUTS: "CashOuts",
    Role.WITHDRAWALS: "Withdrawals",
}


@dataclass(frozen=True, slots=True)
class KeyState:
    """A key as `Sportsbook.keyOf` shows it: role, from when until when it counts (unix seconds),
    its budget, and what is left of the budget (micro-units)."""

    role: Role
    from_s: int
    until_s: int
    budget_micro: int
    left_micro: int

    @property
    def retired(self) -> bool:
        """Whether the key was retired."""
        return self.until_s != MAX_TIME_S


def key_refused(key: KeyState, role: Role, address: str, setting: str, now_s: int) -> str | None:
    """Why the sportsbook does not accept a key in this role at `now_s`; None when it does."""
    name = ROLE_NAMES[role]
    grant = f"the sportsbook's owner must call grantKey for it with role {name} ({role:d})"
    if key.role is Role.NONE:
        return (
            f"{setting} is the key of {address}, which has no role on the sportsbook: {grant}, or"
            f" {setting} is the wrong key."
        )
    if key.role is not role:
        return (
            f"{setting} is the key of {address}, which has the role {ROLE_NAMES[key.role]} on the"
            f" sportsbook, for good: set {setting} to a key with role {name}, which its owner gives"
            " by grantKey."
        )
    if key.retired:
        return (
            f"{setting} is the key of {address}, which was retired at {utc(key.until_s)}: set"
            f" {setting} to another key; {grant.replace('for it', 'for that one')}."
        )
    if now_s < key.from_s:
        return (
            f"{setting} is the key of {address}, whose role {name} counts from {utc(key.from_s)}"
            f" on; it is now {utc(now_s)}: wait until then."
        )
    return None
