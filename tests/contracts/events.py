"""Reads what transactions of the contracts say in their events."""

from __future__ import annotations

from typing import Any, NamedTuple

from eth_abi.abi import decode

from protocol.placed_event import PlacedBatch, Skip, unpack_payouts, unpack_placed
from protocol.words import WithdrawalWord, read_withdrawal_word


class Placed(NamedTuple):
    """What a transaction that placed a batch says: its number, its bets, the slips left out."""

    number: int
    batch: PlacedBatch
    skips: tuple[Skip, ...]


def placed(transaction: Any) -> Placed:
    """What a transaction says that placed a batch."""
    event = transaction.events["BatchPlaced"]
    return Placed(event["batch"], *unpack_placed(bytes(event["data"])))


def withdrawn(transaction: Any) -> WithdrawalWord:
    """Account, amount and deadline of a payment."""
    return read_withdrawal_word(transaction.events["Withdrawn"]["withdrawal"])


def settled_bets(transaction: Any) -> list[int]:
    """The places of the bets that a transaction settled in one batch."""
    bits = transaction.events["BatchSettled"]["settled"]
    return [i for i in range(256) if bits >> i & 1]


def settlements(transaction: Any) -> list[tuple[int, int, dict[int, int]]]:
    """Batch, bits of its bets and their payouts, for each run of a transaction that settles and
    emits no other event."""
    found = []
    # Read from the logs: Brownie shows empty bytes as one zero.
    for log in transaction.logs:
        settled, packed = decode(["uint256", "bytes"], bytes(log["data"]))
        number = int.from_bytes(bytes(log["topics"][1]), "big")
        found.append((number, settled, unpack_payouts(packed)))
    return found


def payouts(transaction: Any) -> dict[int, int]:
    """Payouts by bet of a transaction that settled one run."""
    return settlements(transaction)[0][2]
