"""Defines the JSON of the match-day control."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from backend import examples
from backend.fields import ADDRESS, STRICT

Moment = Literal["in-15-minutes", "kick-off", "full-time", "results-final"]

_FAUCET_MOST = 10_000


class MatchPublic(BaseModel):
    """A match that has started. It is over two hours after its start; then the house publishes its
    result, which is final when nobody can dispute it any more. `result` says what became of the
    match, and is null like the goals until it is published."""

    id: str = Field(examples=[examples.FIXTURE])
    home: str = Field(examples=["Arsenal FC"])
    away: str = Field(examples=["Chelsea FC"])
    starts_at_s: int = Field(examples=[examples.STARTS_AT_S])
    state: Literal["playing", "over", "published", "final"] = Field(examples=["published"])
    result: Literal["played", "abandoned", "void"] | None = Field(examples=["played"])
    home_goals: int | None = Field(examples=[2])
    away_goals: int | None = Field(examples=[1])


class MatchDayPublic(BaseModel):
    """The chain's time, and the moments that lie ahead: the next start of an opened match, the end
    of those that have started, and when the results that are published are final. Null for one that
    does not. `matches` are those that have started in the last two days."""

    now_s: int = Field(examples=[examples.NOW_S])
    kick_off_s: int | None = Field(examples=[examples.STARTS_AT_S])
    full_time_s: int | None = Field(examples=[None])
    results_final_s: int | None = Field(examples=[None])
    matches: list[MatchPublic]


class TravelCreate(BaseModel):
    """Where to move the clock: 15 minutes make a bet old enough to be cashed out."""

    model_config = STRICT

    to: Moment = Field(examples=["kick-off"])


class FaucetCreate(BaseModel):
    """Who gets how many whole test tokens, and coins for gas where it has none."""

    model_config = STRICT

    address: str = Field(pattern=ADDRESS, examples=[examples.OWNER])
    tokens: int = Field(ge=1, le=_FAUCET_MOST, examples=[1_000])


class FaucetPublic(BaseModel):
    """The transaction that minted them."""

    address: str = Field(examples=[examples.OWNER])
    tokens: int = Field(examples=[1_000])
    tx_hash: str = Field(examples=[examples.TX_HASH])
