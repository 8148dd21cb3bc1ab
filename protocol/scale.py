"""Converts between micro-units, 10^-6 of a token, in which everything is counted, and the units in
which the token itself counts: the sportsbook's SCALE."""

from __future__ import annotations

from dataclasses import dataclass

MICRO_DECIMALS = 6
MAX_DECIMALS = 18

_MICRO_PER_UNIT_AT = 128


class AmountUneven(ValueError):
    """An amount that the token cannot move."""

    def __init__(self, amount_micro: int, unit_micro: int) -> None:
        super().__init__(f"{amount_micro} micro-units are not whole: a unit is {unit_micro}")
        self.unit_micro = unit_micro


@dataclass(frozen=True, slots=True)
class Scale:
    """Units of the token per micro-unit, and micro-units per unit of the token; one of them is
    1."""

    units_per_micro: int
    micro_per_unit: int

    @classmethod
    def of_decimals(cls, decimals: int) -> Scale:
        """The scale of a token. Raises ValueError for more than 18 decimals."""
        if not 0 <= decimals <= MAX_DECIMALS:
            raise ValueError(f"a token with {decimals} decimals is not supported")
        return cls(
            10 ** max(decimals - MICRO_DECIMALS, 0),
            10 ** max(MICRO_DECIMALS - decimals, 0),
        )

    @classmethod
    def of_word(cls, word: int) -> Scale:
        """The scale that the sportsbook's view SCALE returns."""
        return cls(word % 2**_MICRO_PER_UNIT_AT, word >> _MICRO_PER_UNIT_AT)

    def word(self) -> int:
        """As the sportsbook's view SCALE returns it."""
        return self.micro_per_unit << _MICRO_PER_UNIT_AT | self.units_per_micro

    def is_whole(self, micro: int) -> bool:
        """Whether the token can move an amount of micro-units."""
        return micro % self.micro_per_unit == 0

    def to_units(self, micro: int) -> int:
        """Units of the token in an amount of micro-units. Raises AmountUneven."""
        if not self.is_whole(micro):
            raise AmountUneven(micro, self.micro_per_unit)
        return micro // self.micro_per_unit * self.units_per_micro

    def to_micro_down(self, units: int) -> int:
        """Whole micro-units in units of the token."""
        return units // self.units_per_micro * self.micro_per_unit
