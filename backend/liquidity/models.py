"""Defines the JSON of the bankroll's shares and of what open bets could cost it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from backend import examples
from backend.fields import Stage
from backend.paging import NextCursor


class LiquidityPublic(BaseModel):
    """The bankroll as its contracts count it. `owed_micro` are the stakes of open bets or, of
    markets that are decided, what these bets are paid; `locked_micro` is what open bets could cost
    above that, of which `accumulators_micro` is locked by accumulators; `free_micro` is the rest of
    the pool. Whoever deposits pays `enter_micro` for a share, and whoever withdraws is paid
    `leave_micro`: the first supposes that every open bet loses, the second that each market ends at
    its worst. A share has six decimals more than the token."""

    pool_micro: str = Field(examples=["1000000000000"])
    owed_micro: str = Field(examples=["2500000"])
    locked_micro: str = Field(examples=["2300000"])
    accumulators_micro: str = Field(examples=["0"])
    free_micro: str = Field(examples=["999995200000"])
    commission_bps: int = Field(
        examples=[1_000], description="Of the providers' profit above its highest level, x 10^4."
    )
    commission_micro: str | None = Field(
        examples=["0"], description="Owed at the worst outcome of every market."
    )
    shares: str = Field(
        examples=["1000000000000000000"], description="Supply, in the smallest unit."
    )
    enter_micro: str | None = Field(examples=["1000003"])
    leave_micro: str | None = Field(examples=["999998"])
    head_block: int = Field(
        examples=[examples.BLOCK], description="The newest block that these figures include."
    )
    head_timestamp_s: int = Field(examples=[examples.NOW_S])


class SharePricePublic(BaseModel):
    """The prices at which a share could be bought (`enter_micro`) and redeemed (`leave_micro`) from
    `at_s` until the next newer one. `at_s` is a time of the chain's clock, within minutes."""

    at_s: int = Field(examples=[examples.NOW_S])
    enter_micro: str = Field(examples=["1000003"])
    leave_micro: str = Field(examples=["999998"])


class SharePricePage(BaseModel):
    """Past prices of a share, newest first."""

    prices: list[SharePricePublic]
    next_cursor: NextCursor


class ShareMovementPublic(BaseModel):
    """A deposit of a provider or a withdrawal: `price_micro` was paid for each share."""

    kind: Literal["deposit", "withdrawal"] = Field(examples=["deposit"])
    owner: str = Field(examples=[examples.OWNER])
    assets_micro: str = Field(examples=["1000000000"])
    shares: str = Field(examples=["1000000000000000"])
    price_micro: str = Field(examples=["1000000"])
    at_s: int = Field(examples=[examples.NOW_S])
    stage: Stage = Field(examples=["confirmed"])


class ShareMovementPage(BaseModel):
    """Deposits and withdrawals of providers, newest first."""

    movements: list[ShareMovementPublic]
    next_cursor: NextCursor


class FixtureExposure(BaseModel):
    """What open single bets on a fixture have staked, and what they could cost the bankroll above
    that (`locked_micro`)."""

    fixture: str = Field(examples=[examples.FIXTURE])
    name: str = Field(examples=[examples.FIXTURE_NAME])
    starts_at_s: int = Field(examples=[examples.STARTS_AT_S])
    markets: int = Field(examples=[3], description="Markets with open single bets.")
    stakes_micro: str = Field(examples=[examples.STAKE_MICRO])
    locked_micro: str = Field(examples=["2300000"])


class ExposurePage(BaseModel):
    """The fixtures on which most is locked, and how many there are in all."""

    fixtures: list[FixtureExposure]
    count: int = Field(examples=[1])
