"""The fast paths read memory and packed words by offsets; structs, setters and accessors write and
read the same. Both must mean the same, and what the maps beside them say.

LayoutHarness
├── placing: the state, a market's entry, a fixture's entry, the template of a slip
├── settling: the state, a market's entry
├── hashes of a slip and of a leaf: from the template, and from the slow path's functions
└── packed words: record, account, key, fixture, batch, market id, exposure, withdrawal, fraction
"""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from brownie import LayoutHarness

# Account, nonce, stake, accepted after, legs, market, outcome, odds: sizes in bytes.
RECORD_SIZES = (4, 3, 8, 2, 1, 1, 1, 4)
RECORD = (0x01020304, 0x050607, 0x08090A0B0C0D0E0F, 0x1011, 1, 0x12, 0x02, 0x14151617)


@pytest.fixture
def harness(world):
    return LayoutHarness.deploy({"from": world.owner})


def bits(word: int, low: int, high: int) -> int:
    """Bits [low,high) of a word, as the maps have them."""
    return (word >> low) % (1 << (high - low))


@pytest.fixture(params=range(3))
def word(request):
    """A word in which no field can pass for another."""
    return random.Random(request.param).getrandbits(256)


def packed_record() -> bytes:
    return b"".join(v.to_bytes(n, "big") for v, n in zip(RECORD, RECORD_SIZES, strict=True))


def test_offsets_of_placing_are_those_of_its_struct(harness):
    assert list(harness.placingState()) == list(range(1, 14))


def test_offsets_of_settling_are_those_of_its_struct(harness):
    assert list(harness.settlingState()) == list(range(1, 10))


def test_offsets_of_a_market_while_placing_are_those_of_its_setters(harness):
    assert list(harness.placingMarket()) == list(range(1, 16))


def test_offsets_of_a_fixture_while_placing_are_those_of_its_setters(harness):
    assert list(harness.fixtureEntry()) == list(range(1, 6))


def test_offsets_of_a_market_while_settling_are_those_of_its_setters(harness):
    read, fourth, released = harness.settlingMarket()
    assert list(read) == list(range(1, 12))
    assert fourth == 0
    # Payouts of outcomes 0 to 2, and the stakes of all three; the exposure of 2 is added.
    assert released == (9 + 2) | 10 << 64 | 11 << 128 | 3 << 192


def test_fields_of_the_template_fill_the_ends_of_their_words(harness):
    assert list(harness.template()) == list(range(1, 12))


def test_template_is_hashed_as_slip_and_leaf_of_the_slow_path(harness):
    market = random.Random(1).getrandbits(208) << 48
    fast, slow = harness.hashes(packed_record(), market, 20_000, 1_800_000_000, 99, b"\x07" * 32)
    assert list(fast) == list(slow)
    assert fast[0] != fast[1]


def test_record_is_read_by_its_map(harness):
    assert tuple(harness.recordFields(packed_record())) == RECORD


def test_fast_path_reads_a_record_as_the_slow_path(harness):
    account, _, stake, _, *leg = RECORD
    assert list(harness.recordFast(packed_record())) == [account, stake, *leg]


def test_account_word_is_read_by_its_map(harness, word):
    edges = (0, 56, 63, 64, 72, 96, 256)
    assert list(harness.accountWord(word)) == fields(word, edges)


def test_key_word_is_read_by_its_map(harness, word):
    edges = (0, 8, 48, 88, 144, 184, 240)
    role, from_, until, _, _, budget = fields(word, edges)
    assert list(harness.keyWord(word)) == [role, from_, until, budget]


def test_fixture_word_is_read_by_its_map(harness, word):
    edges = (0, 56, 96, 104, 112, 120, 128, 136, 176, 216, 240)
    assert list(harness.fixtureWord(word)) == fields(word, edges)


def test_batch_word_is_read_by_its_map(harness, word):
    assert tuple(harness.batchWord(word)) == (bits(word, 0, 8) + 1, bool(bits(word, 8, 9)))


def test_market_id_is_read_by_its_map(harness, word):
    read, line, in_play = harness.marketId(word)
    edges = ((128, 256), (88, 128), (80, 88), (72, 80))
    assert list(read) == [bits(word, *edge) for edge in edges]
    assert line % (1 << 16) == bits(word, 56, 72)
    assert in_play == bool(bits(word, 48, 49))


def test_exposure_word_is_read_by_its_map(harness, word):
    read, marked = harness.exposureWord(word)
    assert list(read) == fields(word, (0, 64, 128, 192, 248))
    assert marked == bool(bits(word, 255, 256))


def test_withdrawal_word_and_fraction_are_read_by_their_maps(harness, word):
    withdrawal, fraction = word >> 120, word >> 232
    assert list(harness.withdrawalWord(withdrawal)) == fields(withdrawal, (0, 40, 104, 136))
    assert list(harness.fractionWord(fraction)) == fields(fraction, (0, 8, 16, 24))


def fields(word: int, edges: tuple[int, ...]) -> list[int]:
    """The fields between these bits, from the lowest on."""
    return [bits(word, low, high) for low, high in pairwise(edges)]
