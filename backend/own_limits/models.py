"""Defines the JSON of the limits that owners set themselves."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from backend import examples
from backend.accounts.refusals import AmountInvalid
from backend.fields import STRICT, amount
from backend.own_limits.rules import Kind, Period
from protocol.limits import MAX_TIME_S

_MAX_LIMITS = len(Kind) * len(Period)


class OwnLimitSet(BaseModel):
    """One limit; null removes it."""

    model_config = STRICT

    kind: Kind = Field(strict=False, examples=["stake"])
    period: Period = Field(strict=False, examples=["day"])
    limit_micro: Annotated[str, *amount("limit_micro", AmountInvalid)] | None = Field(
        examples=["50000000"]
    )


class OwnLimitsSet(BaseModel):
    """What to set; limits that are not named stay as they are. A decrease counts at once, an
    increase or removal 24 hours later. A time-out counts at once and can only be extended."""

    model_config = STRICT

    limits: list[OwnLimitSet] = Field(default_factory=list, max_length=_MAX_LIMITS)
    time_out_until_s: int | None = Field(
        default=None, ge=0, le=MAX_TIME_S, examples=[examples.STARTS_AT_S]
    )


class OwnLimitPublic(BaseModel):
    """A limit over the last 24 hours, 7 or 30 days. Where `next_from_s` is set, it will be
    `next_limit_micro` from then on, null for none."""

    kind: Kind = Field(examples=["stake"])
    period: Period = Field(examples=["day"])
    limit_micro: str | None = Field(examples=["50000000"])
    used_micro: str = Field(examples=["48000000"])
    left_micro: str | None = Field(examples=["2000000"])
    next_limit_micro: str | None = Field(examples=[None])
    next_from_s: int | None = Field(examples=[None])


class OwnLimitsPublic(BaseModel):
    """The owner's own limits; of all, the lowest rules. No limit on deposits can keep a deposit off
    the chain: the page refuses it, the contract does not."""

    account: int = Field(examples=[examples.ACCOUNT])
    now_s: int = Field(examples=[examples.NOW_S])
    limits: list[OwnLimitPublic]
    time_out_until_s: int | None = Field(examples=[None])
