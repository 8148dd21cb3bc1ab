"""Defines the formats that fields and path parameters of several routes share."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from fastapi import Path
from pydantic import ConfigDict
from pydantic.config import JsonDict

from protocol.limits import MAX_ACCOUNT, MAX_MICRO

MAX_SIGNATURE_BYTES = 2_048
HEX_32 = "^0x[0-9a-fA-F]{64}$"
ADDRESS = "^0x[0-9a-fA-F]{40}$"
SIGNATURE = f"^0x([0-9a-fA-F]{{2}}){{1,{MAX_SIGNATURE_BYTES}}}$"

STRICT = ConfigDict(extra="forbid", strict=True)

AccountNumber = Annotated[int, Path(ge=1, le=MAX_ACCOUNT, description="Number of the account.")]

Stage = Literal["tentative", "confirmed", "final"]

Hash = Annotated[str, Path(pattern=HEX_32, description="EIP-712 struct hash, 0x and 64 digits.")]


def decimal_pattern(most: int) -> str:
    """What the decimal strings of 1 to `most` match, without leading zeros."""
    digits = str(most)
    parts = [f"[1-9][0-9]{{0,{len(digits) - 2}}}", digits]
    for place, digit in enumerate(digits):
        low = 1 if place == 0 else 0
        if int(digit) > low:
            rest = len(digits) - place - 1
            parts.append(f"{digits[:place]}[{low}-{int(digit) - 1}][0-9]{{{rest}}}")
    return f"^({'|'.join(parts)})$"


# For the document alone: an invalid amount has a refusal of its own.
AMOUNT_SCHEMA: JsonDict = {"pattern": decimal_pattern(MAX_MICRO)}

_DIGITS = re.compile(r"[0-9]{1,19}", re.ASCII)


class AmountMalformed(Exception):
    """Not an amount; the message says what an amount looks like."""


def parse_amount(amount: object, name: str) -> int:
    """Micro-units of a decimal string. Raises AmountMalformed for anything but 1 to 2^56 - 1."""
    if isinstance(amount, str) and _DIGITS.fullmatch(amount):
        micro = int(amount)
        if 0 < micro <= MAX_MICRO:
            return micro
    raise AmountMalformed(
        f"{name} must be a decimal string: a positive whole number of micro-units,"
        f' such as "2500000" for 2.5 tokens, and at most {MAX_MICRO}.'
    )
