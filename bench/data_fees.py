"""Estimates what rollups bill for a transaction's data, as they do themselves; pure.

A rollup posts every transaction to L1 and bills its sender for the space. Neither of the two kinds
here waits for the real size: each estimates it from the signed transaction alone.
"""

from __future__ import annotations

import brotli

# Fjord, of ethereum-optimism/specs: specs/protocol/fjord/exec-engine.md.
_FJORD_SCALE = 1_000_000
_FJORD_INTERCEPT = -42_585_600
_FJORD_FASTLZ = 836_500
_FJORD_MIN_BYTES = 100

# FastLZ, level 1.
_HASHES = 2**13
_MAX_DISTANCE = 2**13 - 1
_LITERAL_RUN = 32
_MATCH_MAX = 262
_SHORT_MATCH = 7
_TAIL_BYTES = 4
_LAST_MATCH_BYTES = 15

# Nitro, of OffchainLabs/nitro: arbos/l1pricing/l1pricing.go; the level since ArbOS 20
# (arbos/arbosState/arbosstate.go), the window from arbcompress/compress_common.go.
_NITRO_BROTLI_LEVEL = 1
_NITRO_BROTLI_WINDOW = 22
NITRO_UNITS_PER_BYTE = 16


def fastlz_bytes(data: bytes) -> int:
    """The length of `data` after FastLZ at level 1, equal to that of `FlzCompressLen` in
    ethereum-optimism/op-geth, core/types/rollup_cost.go; the reference is ariya/FastLZ, fastlz.c.

    Greedy: of the earlier places with the same hash of three bytes, only the last is remembered. A
    match covers three bytes, those that follow as far as they are equal, and is charged as one
    byte longer, as the reference counts.
    """
    size = unwritten = 0
    seen = [0] * _HASHES
    at = 2
    while at <= len(data) - _LAST_MATCH_BYTES:
        slot = _hash(data, at)
        earlier, seen[slot] = seen[slot], at
        if at - earlier > _MAX_DISTANCE or data[earlier : earlier + 3] != data[at : at + 3]:
            at += 1
            continue
        length = _equal_bytes(data, earlier + 3, at + 3)
        size += _literals(at - unwritten) + _match(length)
        at += length
        for place in (at, at + 1):
            seen[_hash(data, place)] = place
        at = unwritten = at + 2
    return size + _literals(len(data) - unwritten)


def _hash(data: bytes, at: int) -> int:
    """Knuth's multiplicative hash of three bytes: 13 bits."""
    word = int.from_bytes(data[at : at + 3], "little")
    return (word * 2_654_435_769 & 0xFFFF_FFFF) >> 19


def _equal_bytes(data: bytes, earlier: int, at: int) -> int:
    """How many bytes are equal from these places on, and the first that is not; the last four
    bytes never match."""
    length = 0
    while at + length < len(data) - _TAIL_BYTES:
        length += 1
        if data[earlier + length - 1] != data[at + length - 1]:
            break
    return length


def _literals(count: int) -> int:
    """Bytes that hold `count` literals: one more for each run of up to 32."""
    return count + -(-count // _LITERAL_RUN)


def _match(length: int) -> int:
    """Bytes that hold a match: three for each 262, two for a rest of less than seven."""
    whole, rest = divmod(length - 1, _MATCH_MAX)
    return 3 * whole + (2 if rest + 1 < _SHORT_MATCH else 3)


def op_stack_micro_bytes(signed: bytes) -> int:
    """The size that an OP stack chain bills for a signed transaction, in bytes x 10^6: a regression
    that estimates from FastLZ what the transaction adds to a batch under Brotli."""
    estimate = _FJORD_INTERCEPT + _FJORD_FASTLZ * fastlz_bytes(signed)
    return max(_FJORD_MIN_BYTES * _FJORD_SCALE, estimate)


def op_stack_fee_wei(
    micro_bytes: int,
    l1_base_fee_wei: int,
    blob_base_fee_wei: int,
    base_fee_scalar: int,
    blob_base_fee_scalar: int,
) -> int:
    """The data fee, in wei, of a size in bytes x 10^6. Since Ecotone it weighs the base fee (16 gas
    per byte) and the blob base fee by scalars x 10^6, which the chain's operator sets."""
    weighted = 16 * base_fee_scalar * l1_base_fee_wei + blob_base_fee_scalar * blob_base_fee_wei
    return micro_bytes * weighted // _FJORD_SCALE**2


def nitro_bytes(signed: bytes) -> int:
    """The size that an Arbitrum chain bills for a signed transaction, in bytes: Brotli at the level
    that ArbOS sets, each transaction compressed alone."""
    return len(brotli.compress(signed, quality=_NITRO_BROTLI_LEVEL, lgwin=_NITRO_BROTLI_WINDOW))


def nitro_fee_wei(size_bytes: int, unit_price_wei: int) -> int:
    """The poster fee, in wei, at ArbOS's price for one of a byte's 16 units."""
    return NITRO_UNITS_PER_BYTE * size_bytes * unit_price_wei
