"""Defines the formats that fields and path parameters of several routes share."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from fastapi import Path
from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo

from backend.problems import Problem
from protocol.limits import MAX_ACCOUNT, MAX_MICRO

MAX_SIGNATURE_BYTES = 2_048
HEX_32 = "^0x[0-9a-fA-F]{64}$"
ADDRESS = "^0x[0-9a-fA-F]{40}$"
SIGNATURE = f"^0x([0-9a-fA-F]{{2}}){{1,{MAX_SIGNATURE_BYTES}}}$"

STRICT = ConfigDict(extra="forbid", strict=True)

AccountNumber = Annotated[int, Path(ge=1, le=MAX_ACCOUNT, description="Number of the account.")]

Owner = Annotated[str, Path(pattern=ADDRESS, description="Address of the owner, in any case.")]

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


_AMOUNT_SCHEMA: JsonDict = {"pattern": decimal_pattern(MAX_MICRO)}
_DIGITS = re.compile(r"[0-9]{1,19}", re.ASCII)


def amount(name: str, refusal: type[Problem]) -> tuple[BeforeValidator, FieldInfo]:
    """The annotations of a field that is an amount: a decimal string of 1 to 2^56 - 1 micro-units.
    Anything else raises `refusal`; the pattern is for the document alone."""

    def check(value: object) -> object:
        if isinstance(value, str) and _DIGITS.fullmatch(value) and 0 < int(value) <= MAX_MICRO:
            return value
        raise refusal(
            f"{name} must be a decimal string: a positive whole number of micro-units,"
            f' such as "2500000" for 2.5 tokens, and at most {MAX_MICRO}.'
        )

    return BeforeValidator(check), Field(json_schema_extra=_AMOUNT_SCHEMA)
