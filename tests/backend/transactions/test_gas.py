"""The gas that a transaction may ask for is the least of all caps, also of those a refusal taught.

The messages are those of the nodes' own sources and, for Anvil and Ganache, of the nodes here.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.transactions.gas import GAS_CAP_MIN, gas_cap, is_gas_limit_refusal, learnt_cap
from protocol.limits import TRANSACTION_GAS_MAX

ASKED = 20_500_000
HALF = ASKED // 2
REFUSALS = {
    "geth": ("transaction gas limit too high (cap: 16777216, tx: 20500000)", 16_777_216),
    "geth, block": ("exceeds block gas limit", HALF),
    "erigon": ("gas limit too high: address 0x5e01b2, gas limit 20500000", HALF),
    "erigon, pool": ("gas limit is too high", HALF),
    "reth": ("exceeds max transaction gas limit", HALF),
    "nethermind": (
        "TxGasLimitCapExceeded: Gas limit 20500000 exceeded cap of 16777216.",
        16_777_216,
    ),
    "nethermind, pool": ("gas limit reached", HALF),
    "nethermind, pool with details": (
        "GasLimitExceeded, Gas limit: 16777216, gas limit of rejected tx: 20500000",
        16_777_216,
    ),
    "besu": ("Transaction gas limit must be at most 16777216", 16_777_216),
    "besu, block": ("Transaction gas limit exceeds block gas limit", HALF),
    "anvil": ("intrinsic gas too high -- tx.gas_limit > env.cfg.tx_gas_limit_cap", HALF),
    "anvil, block": ("intrinsic gas too high -- tx.gas_limit > env.block.gas_limit", HALF),
    "hardhat": (
        "Transaction gas limit is 20500000 and exceeds transaction gas cap of 16777216",
        16_777_216,
    ),
    "error with its code": ("{'code': -32000, 'message': 'exceeds block gas limit'}", HALF),
}
OTHERS = (
    "intrinsic gas too low",
    "intrinsic gas too high -- CallGasCostMoreThanGasLimit",
    "nonce too low: next nonce 20, tx nonce 19",
    "insufficient funds for gas * price + value",
    "transaction underpriced",
    "oversized data: transaction size 140000, limit 131072",
    "execution reverted",
    "header not found",
)


@given(
    block=st.integers(1, 2**40),
    setting=st.integers(GAS_CAP_MIN, TRANSACTION_GAS_MAX),
    learnt=st.none() | st.integers(GAS_CAP_MIN, 2**40),
)
def test_cap_is_the_least_of_all(block: int, setting: int, learnt: int | None) -> None:
    known = [block, setting, TRANSACTION_GAS_MAX, *([] if learnt is None else [learnt])]
    assert gas_cap(block, setting, learnt) == min(known)


@pytest.mark.parametrize(("message", "cap"), REFUSALS.values(), ids=REFUSALS)
def test_refusal_for_gas_is_recognised_and_teaches_a_cap(message: str, cap: int) -> None:
    assert is_gas_limit_refusal(message)
    assert learnt_cap(message, ASKED) == cap


@pytest.mark.parametrize("message", OTHERS)
def test_other_refusals_are_not_for_gas(message: str) -> None:
    assert not is_gas_limit_refusal(message)


@given(message=st.sampled_from([m for m, _ in REFUSALS.values()]), asked=st.integers(1, 2**40))
def test_learnt_cap_falls_with_every_refusal_and_ends_at_the_minimum(
    message: str, asked: int
) -> None:
    cap = learnt_cap(message, asked)
    assert cap >= GAS_CAP_MIN
    assert cap < asked or cap == GAS_CAP_MIN
