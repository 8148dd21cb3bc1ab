"""Names what the keys of the house may do (contracts/interfaces/ISportsbook.sol, enum Role)."""

from __future__ import annotations

from enum import IntEnum


class Role(IntEnum):
    """The role of a key; an address has at most one, for good."""

    NONE = 0
    OPERATOR = 1
    RECEIPTS = 2
    CASH_OUTS = 3
    WITHDRAWALS = 4
