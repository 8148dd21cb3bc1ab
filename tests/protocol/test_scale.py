"""Micro-units and the units of tokens with 0 to 18 decimals."""

from __future__ import annotations

import pytest

from protocol.scale import AmountUneven, Scale


@pytest.mark.parametrize(
    ("decimals", "scale"),
    [
        (0, Scale(1, 1_000_000)),
        (2, Scale(1, 10_000)),
        (6, Scale(1, 1)),
        (8, Scale(100, 1)),
        (18, Scale(10**12, 1)),
    ],
)
def test_scale_of_decimals(decimals: int, scale: Scale) -> None:
    assert Scale.of_decimals(decimals) == scale == Scale.of_word(scale.word())
    assert scale.to_units(7_000_000) == 7 * 10**decimals
    assert scale.to_micro_down(7 * 10**decimals) == 7_000_000


@pytest.mark.parametrize("decimals", [-1, 19])
def test_other_decimals_are_refused(decimals: int) -> None:
    with pytest.raises(ValueError, match="not supported"):
        Scale.of_decimals(decimals)


def test_fractions_of_a_unit_are_refused_and_of_a_micro_unit_dropped() -> None:
    assert Scale.of_decimals(2).is_whole(20_000)
    with pytest.raises(AmountUneven) as refused:
        Scale.of_decimals(2).to_units(20_001)
    assert refused.value.unit_micro == 10_000
    assert Scale.of_decimals(18).to_micro_down(2 * 10**12 - 1) == 1
