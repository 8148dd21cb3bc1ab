"""Owns what a transaction offers for gas, first and when it is stuck; pure."""

from __future__ import annotations

from dataclasses import dataclass

# Nodes replace a pooled transaction from 10 % more on; an eighth is safely above.
_BUMP_NUMERATOR, _BUMP_DENOMINATOR = 9, 8


@dataclass(frozen=True, slots=True)
class Fees:
    """EIP-1559 fees in wei for one unit of gas."""

    max_fee_wei: int
    priority_fee_wei: int


def first_fees(base_fee_wei: int, tip_wei: int, cap_wei: int) -> Fees:
    """What to offer at first: room for the base fee to double, never above the cap."""
    max_fee_wei = min(2 * base_fee_wei + tip_wei, cap_wei)
    return Fees(max_fee_wei, min(tip_wei, max_fee_wei))


def bumped_fees(last: Fees, base_fee_wei: int, tip_wei: int, cap_wei: int) -> Fees | None:
    """What to offer instead of `last`: an eighth more, or today's price when that is higher.

    None when the cap leaves no room for a replacement that nodes would accept.
    """
    least = Fees(_eighth_more(last.max_fee_wei), _eighth_more(last.priority_fee_wei))
    if least.max_fee_wei > cap_wei:
        return None
    today = first_fees(base_fee_wei, tip_wei, cap_wei)
    max_fee_wei = max(least.max_fee_wei, today.max_fee_wei)
    priority_fee_wei = max(least.priority_fee_wei, today.priority_fee_wei)
    if priority_fee_wei > max_fee_wei:
        return None
    return Fees(max_fee_wei, priority_fee_wei)


def _eighth_more(wei: int) -> int:
    return wei * _BUMP_NUMERATOR // _BUMP_DENOMINATOR + 1
