"""Defines the JSON of past odds."""

from __future__ import annotations

from pydantic import BaseModel, Field

from backend import examples


class PricePoint(BaseModel):
    """The odds x 10^4 of each outcome from `time_s` until the next point; none were offered where
    they are empty."""

    time_s: int = Field(examples=[examples.NOW_S])
    odds_e4: list[int] = Field(examples=[[examples.ODDS_E4, 18_700]])


class PriceHistory(BaseModel):
    """How the odds of a market have moved, oldest first. Times are of the server's clock, which
    `now_s` of `/v1/typed-data` shows."""

    market: str = Field(examples=[examples.MARKET])
    outcomes: list[str] = Field(examples=[["Over", "Under"]])
    points: list[PricePoint]
