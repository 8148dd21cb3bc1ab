"""The data that rollups bill is estimated as they do it, against figures that are not ours."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import brotli
import pytest
from eth_utils.crypto import keccak

from bench.data_fees import (
    fastlz_bytes,
    nitro_bytes,
    nitro_fee_wei,
    op_stack_fee_wei,
    op_stack_micro_bytes,
)
from scripts.devnet.paths import ROOT

# `op_mainnet`: a transaction, and what OP Mainnet charged for it. `contract_call`: of the tests of
# op-geth and op-besu.
GOLDEN: dict[str, dict[str, Any]] = json.loads(
    (ROOT / "tests" / "golden" / "data_fees.json").read_text()
)
MAINNET, CALL = GOLDEN["op_mainnet"], GOLDEN["contract_call"]
GWEI = 10**9


def again(count: int) -> bytes:
    """300 random bytes, the first `count` of them again, and 20 others."""
    first = Random(9).randbytes(300)
    return first + first[:count] + Random(10).randbytes(20)


def signed(golden: dict[str, Any]) -> bytes:
    return bytes.fromhex(golden["signed"][2:])


@pytest.mark.parametrize(
    ("data", "size"),
    [
        # Consensys/optimism-besu, FastLzTest.java.
        pytest.param(b"", 0, id="nothing"),
        pytest.param(bytes(1_000), 21, id="zeros"),
        pytest.param(b"\x01" * 1_000, 21, id="ones"),
        pytest.param(
            bytes.fromhex("dd80808094095e7baea6a6c7c4c2dfeb977efac326af552d878080808080"),
            31,
            id="empty transaction",
        ),
        pytest.param(signed(CALL), CALL["fastlz_bytes"], id="call"),
        # The lengths that fastlz.c (ariya/FastLZ, commit 344eb40) returns at level 1.
        pytest.param(Random(1).randbytes(200), 207, id="random"),
        pytest.param(Random(2).randbytes(100) * 3, 113, id="repeated"),
        pytest.param(Random(3).randbytes(8_191) * 2, 8_551, id="repeated at the maximum distance"),
        pytest.param(Random(4).randbytes(8_192) * 2, 16_896, id="repeated beyond it"),
        pytest.param(b"ab" * 7, 15, id="too short to search"),
        pytest.param(b"ab" * 8, 17, id="too short to match"),
        pytest.param(again(8), 333, id="longest short match"),
        pytest.param(again(9), 334, id="shortest long match"),
        pytest.param(again(264), 334, id="longest match of one"),
        pytest.param(again(265), 336, id="shortest match of two"),
        pytest.param(
            bytes(3) + Random(5).randbytes(40) + bytes(292), 59, id="match after literals"
        ),
    ],
)
def test_fastlz_bytes_equal_the_references(data: bytes, size: int) -> None:
    assert fastlz_bytes(data) == size


def test_op_stack_size_of_a_call_equals_the_specification() -> None:
    assert op_stack_micro_bytes(signed(CALL)) == CALL["op_stack_micro_bytes"]


def test_op_stack_size_has_a_minimum() -> None:
    assert op_stack_micro_bytes(b"") == 100_000_000


def test_op_stack_fee_equals_what_op_mainnet_charged() -> None:
    assert keccak(signed(MAINNET)).hex() == MAINNET["transaction"][2:]
    micro_bytes = op_stack_micro_bytes(signed(MAINNET))
    assert micro_bytes * 16 // 10**6 == MAINNET["l1_gas_used"]
    fee_wei = op_stack_fee_wei(
        micro_bytes,
        MAINNET["l1_base_fee_wei"],
        MAINNET["blob_base_fee_wei"],
        MAINNET["base_fee_scalar"],
        MAINNET["blob_base_fee_scalar"],
    )
    assert fee_wei == MAINNET["l1_fee_wei"]


def test_op_stack_fee_weighs_the_blob_base_fee() -> None:
    """`TestFjordL1CostSolidityParity` of op-geth: a FastLZ size of 235."""
    size = -42_585_600 + 836_500 * 235
    assert op_stack_fee_wei(size, 2 * 10**6, 3 * 10**6, 20, 15) == 105_484


@pytest.mark.parametrize(
    ("data", "size"),
    # The lengths that another binding of Brotli returns (Node.js, quality 1, window 22).
    [
        pytest.param(b"", 1, id="nothing"),
        pytest.param(bytes(1_000), 20, id="zeros"),
        pytest.param(signed(CALL), 281, id="call"),
        pytest.param(Random(6).randbytes(250) * 2, 360, id="repeated"),
    ],
)
def test_nitro_bytes_are_those_of_brotli_at_level_1(data: bytes, size: int) -> None:
    assert nitro_bytes(data) == size


def test_nitro_compresses_with_a_window_of_22_bits() -> None:
    """At a higher level, or with another window, this would take less or more."""
    data = Random(7).randbytes(60_000) * 2
    assert nitro_bytes(data) == len(brotli.compress(data, quality=1, lgwin=22))
    assert nitro_bytes(data) != len(brotli.compress(data, quality=1, lgwin=16))
    assert nitro_bytes(signed(CALL)) > len(brotli.compress(signed(CALL), quality=11))


def test_nitro_fee_has_sixteen_units_for_a_byte() -> None:
    assert nitro_fee_wei(281, GWEI) == 281 * 16 * GWEI


def test_signatures_do_not_compress() -> None:
    """What makes up most of a batch costs its full size on either kind of rollup."""
    signatures = Random(8).randbytes(64 * 100)
    assert fastlz_bytes(signatures) >= len(signatures)
    assert nitro_bytes(signatures) >= len(signatures)
