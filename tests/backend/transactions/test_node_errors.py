"""What every client says when it refuses a transaction is sorted into what to do about it.

The messages are those of the clients' sources; Anvil's and Ganache's are provoked in
test_delivery.py and test_fee_caps.py as well.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.transactions.node_errors import TABLE, WEI_PER_ETHER, Remedy, fee_cap_wei, remedy

MESSAGES = {
    "geth, fee cap": ("tx fee (1.30 ether) exceeds the configured cap (1.00 ether)", "lower fee"),
    "reth, fee cap": ("tx fee (13 wei) exceeds the configured cap (10 wei)", "lower fee"),
    "besu, fee cap": ("Transaction fee cap exceeded", "lower fee"),
    "geth, known": ("already known", "done"),
    "besu, known": ("Known transaction", "done"),
    "geth, nonce used": ("nonce too low: next nonce 20, tx nonce 19", "done"),
    "ganache, nonce used": (
        "the tx doesn't have the correct nonce. account has nonce of: 2 tx has nonce of: 1",
        "done",
    ),
    "geth, replacement": ("replacement transaction underpriced", "outbid"),
    "besu, replacement": ("Replacement transaction underpriced", "outbid"),
    "erigon, replacement": ("could not replace existing tx", "outbid"),
    "geth, tip": ("transaction underpriced: gas tip cap 1, minimum needed 1000000", "reprice"),
    "erigon, fee": ("fee too low", "reprice"),
    "nitro, base fee": (
        "max fee per gas less than block base fee: address 0x5e, maxFeePerGas: 1, baseFee: 10",
        "reprice",
    ),
    "besu, base fee": ("Gas price below current base fee", "reprice"),
    "geth, funds": ("insufficient funds for gas * price + value: balance 0", "fund"),
    "besu, funds": ("Upfront cost exceeds account balance", "fund"),
    "geth, block": ("exceeds block gas limit", "shrink"),
    "geth, gas": ("transaction gas limit too high (cap: 16777216, tx: 20500000)", "shrink"),
    "anvil, gas": ("intrinsic gas too high -- tx.gas_limit > env.block.gas_limit", "shrink"),
    "geth, size": ("oversized data: transaction size 140000, limit 131072", "shrink"),
    "geth, pool": ("txpool is full", "wait"),
    "erigon, pool": ("baseFee sub-pool is full", "wait"),
    "geth, delegated": ("in-flight transaction limit reached for delegated accounts", "wait"),
    "nitro, gap": ("nonce too high: address 0x5e, tx: 9 state: 7", "wait"),
    "besu, gap": ("An invalid transaction with a lower nonce exists", "wait"),
    "nethermind, syncing": ("node is syncing", "wait"),
    "unknown": ("the moon is in the wrong house", "wait"),
    "geth, chain": ("invalid chain id for signer: have 5 want 1", "stop"),
    "besu, chain": ("Wrong chainId", "stop"),
    "geth, sender": ("invalid sender", "stop"),
    "geth, code": ("sender not an eoa: address 0x5e, codehash: 0x01", "stop"),
    "geth, gas of the bytes": ("intrinsic gas too low: gas 21000, minimum needed 60000", "cancel"),
    "error with its code": ("{'code': -32000, 'message': 'txpool is full'}", "wait"),
}


@pytest.mark.parametrize(("message", "wanted"), MESSAGES.values(), ids=MESSAGES)
def test_refusal_has_its_remedy(message: str, wanted: str) -> None:
    assert remedy(message) == wanted


def test_every_row_is_reached_and_has_a_source() -> None:
    for row in TABLE:
        assert row.phrase == row.phrase.lower()
        assert remedy(row.phrase) is row.remedy, row.phrase
        assert row.source


@pytest.mark.parametrize(
    ("message", "cap"),
    [
        ("tx fee (1.30 ether) exceeds the configured cap (1.00 ether)", WEI_PER_ETHER),
        ("tx fee (5 wei) exceeds the configured cap (7 wei)", 7),
        # geth rounds: the cap was less than half a hundredth.
        ("tx fee (1.30 ether) exceeds the configured cap (0.00 ether)", 13 * 10**17 // 2),
        ("Transaction fee cap exceeded", 13 * 10**17 // 2),
    ],
)
def test_cap_on_the_fee_is_the_one_that_is_named(message: str, cap: int) -> None:
    assert fee_cap_wei(message, 13 * 10**17) == cap


@given(st.text(), st.integers(2, 10**30))
def test_learnt_fee_cap_always_falls(message: str, fee_wei: int) -> None:
    assert 0 < fee_cap_wei(message, fee_wei) < fee_wei


def test_unknown_refusal_gives_nothing_up() -> None:
    assert remedy("") is Remedy.WAIT
