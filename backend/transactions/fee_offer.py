"""Computes the fees that a transaction offers, at first and when it is stuck; pure."""

from __future__ import annotations

from dataclasses import dataclass

# Nodes replace a pooled transaction for 10 % more; an eighth is safely above that.
_BUMP_NUMERATOR, _BUMP_DENOMINATOR = 9, 8


@dataclass(frozen=True, slots=True)
class Fees:
    """EIP-1559 fees in wei for one unit of gas."""

    max_fee_wei: int
    priority_fee_wei: int


def first_fees(base_fee_wei: int, tip_wei: int, cap_wei: int) -> Fees:
    """The first offer: enough for the base fee to double, never above the cap."""
    max_fee_wei = min(2 * base_fee_wei + tip_wei, cap_wei)
    return Fees(max_fee_wei, min(tip_wei, max_fee_wei))


def bumped_fees(last: Fees, base_fee_wei: int, tip_wei: int, cap_wei: int) -> Fees | None:
    """The offer that replaces `last`: an eighth more, or the current price when that is higher.

    None when every replacement that nodes would accept is above the cap.
    """
    minimum = Fees(_eighth_more(last.max_fee_wei), _eighth_more(last.priority_fee_wei))
    if minimum.max_fee_wei > cap_wei:
        return None
    current = first_fees(base_fee_wei, tip_wei, cap_wei)
    max_fee_wei = max(minimum.max_fee_wei, current.max_fee_wei)
    priority_fee_wei = max(minimum.priority_fee_wei, current.priority_fee_wei)
    if priority_fee_wei > max_fee_wei:
        return None
    return Fees(max_fee_wei, priority_fee_wei)


def within_fee_cap(fees: Fees, gas: int, fee_cap_wei: int | None, base_fee_wei: int) -> Fees | None:
    """The offer, or a lower one with which a transaction of this gas stays within the cap on its
    whole fee. None when the next block could ask for more than that one offers."""
    if fee_cap_wei is None or gas * fees.max_fee_wei <= fee_cap_wei:
        return fees
    max_fee_wei = fee_cap_wei // gas
    if max_fee_wei < _eighth_more(base_fee_wei):
        return None
    return Fees(max_fee_wei, min(fees.priority_fee_wei, max_fee_wei))


def outbids(fees: Fees, last: Fees) -> bool:
    """Whether nodes take an offer in place of the last one."""
    return fees.max_fee_wei >= _eighth_more(
        last.max_fee_wei
    ) and fees.priority_fee_wei >= _eighth_more(last.priority_fee_wei)


def _eighth_more(wei: int) -> int:
    return wei * _BUMP_NUMERATOR // _BUMP_DENOMINATOR + 1
