"""Decides the maximum gas limit of a transaction, and learns from refusals when it is less; pure.

No node is asked for its cap, because no method for it is common. Chains cap a transaction's gas by
EIP-7825, some lower, and a node's operator can set a cap of its own.
"""

from __future__ import annotations

import re

from protocol.limits import TRANSACTION_GAS_MAX

GAS_CAP_MIN = 5_000_000
"""No chain that holds the contracts has a lower cap: creating the sportsbook takes more."""

LEARNT_CAP_LIFE_S = 24 * 3_600
"""How long a refusal counts. A cap that was too low by a guess, or was raised since, costs a day of
smaller transactions; one that still holds costs a refusal per day."""

FEE_CAP_GAS_MIN = 2_000_000
"""However high fees are, a transaction may ask for this much gas: less would not hold every single
slip, result or bet. Above it, batches become smaller when a node caps the whole fee."""

# What nodes say of a gas limit above the cap, or above a block's limit.
_TOO_HIGH = (
    "gas limit too high",  # geth, op-geth, Nitro; Erigon when it executes
    "gas limit is too high",  # Erigon's pool
    "transaction gas limit",  # reth, op-reth, Besu
    "gas limit must be at most",  # Besu
    "gaslimitcapexceeded",  # Nethermind
    "gas limit reached",  # Nethermind's pool
    "gaslimitexceeded",  # Nethermind's pool, earlier versions
    "transaction gas cap",  # Hardhat
    "tx.gas_limit > ",  # Anvil
    "callergaslimitmorethanblock",  # Anvil, earlier versions
    "exceeds block gas limit",  # geth, Ganache and others
    "exceeds the block gas limit",
)
_NUMBER = re.compile(r"\b\d+\b")


def gas_cap(block_gas_limit: int, max_gas: int, learnt: int | None) -> int:
    """The maximum gas limit of a transaction: the least of what a block holds, what chains
    allow, the setting, and the cap learnt from refusals."""
    known = min(block_gas_limit, TRANSACTION_GAS_MAX, max_gas)
    return known if learnt is None else min(known, learnt)


def gas_within_fee_cap(gas: int, fee_cap_wei: int | None, base_fee_wei: int) -> int:
    """The gas that a transaction may ask for when its whole fee must not exceed a cap while the
    base fee rises by half."""
    if fee_cap_wei is None or base_fee_wei == 0:
        return gas
    return min(gas, max(2 * fee_cap_wei // (3 * base_fee_wei), FEE_CAP_GAS_MIN))


def is_gas_limit_refusal(message: str) -> bool:
    """Whether a node refuses a transaction because it asks for too much gas."""
    words = message.lower()
    return any(phrase in words for phrase in _TOO_HIGH)


def learnt_cap(message: str, gas_limit: int) -> int:
    """The cap that follows from the refusal of a transaction with this gas limit: the one that the
    node names, or half of the limit."""
    named = [int(number) for number in _NUMBER.findall(message)]
    caps = [number for number in named if GAS_CAP_MIN <= number < gas_limit]
    return max(caps) if caps else max(gas_limit // 2, GAS_CAP_MIN)
