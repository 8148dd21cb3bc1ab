"""The fast paths read memory by offsets; structs and setters write it. Both must mean the same.

LayoutHarness
├── placing: the state, a market's entry, a fixture's entry
└── settling: the state, a market's entry
"""

import pytest
from brownie import LayoutHarness


@pytest.fixture
def harness(world):
    return LayoutHarness.deploy({"from": world.owner})


def test_offsets_of_placing_are_those_of_its_struct(harness):
    assert list(harness.placingState()) == list(range(1, 13))


def test_offsets_of_settling_are_those_of_its_struct(harness):
    assert list(harness.settlingState()) == list(range(1, 9))


def test_offsets_of_a_market_while_placing_are_those_of_its_setters(harness):
    assert list(harness.placingMarket()) == list(range(1, 11))


def test_offsets_of_a_market_while_settling_are_those_of_its_setters(harness):
    read, released = harness.settlingMarket()
    assert list(read) == list(range(1, 8))
    # Payouts of outcomes 0 to 2, and the stakes of all three.
    assert released == 5 | 6 << 64 | 7 << 128 | 3 << 192
