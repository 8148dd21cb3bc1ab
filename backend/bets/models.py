"""Defines the JSON of bets on the chain and of the house's book."""

from __future__ import annotations

from pydantic import BaseModel, Field


class BetLegPublic(BaseModel):
    """A leg of a bet, with readable names."""

    fixture: str | None = Field(examples=["Arsenal FC v Chelsea FC, 2025-05-25"])
    market: str
    kind: str = Field(examples=["Total goals"])
    period: str = Field(examples=["Full time"])
    outcome: str = Field(examples=["Over 2.5"])
    outcome_number: int = Field(examples=[0])
    odds_e4: int = Field(examples=[19_200])


class BetPublic(BaseModel):
    """A bet on the chain. `state` is open, settled or cashed-out. `stage` says how certain its last
    change is: tentative, confirmed or final. `rest_of` is the batch of the bet that this one
    continues, after a part of that was cashed out."""

    batch: int
    bet: int
    account: int
    nonce: int
    stake_micro: str = Field(examples=["2500000"])
    payout_max_micro: str = Field(examples=["4800000"])
    accepted_at_s: int
    state: str = Field(examples=["settled"])
    payout_micro: str | None = Field(examples=["4800000"])
    rest_of: int | None
    stage: str = Field(examples=["confirmed"])
    legs: list[BetLegPublic]
    tx_hash: str
    settlement_tx_hash: str | None


class BetPage(BaseModel):
    """Bets, newest first. Pass `next_cursor` as `cursor` for the next page; null on the last
    one."""

    bets: list[BetPublic]
    next_cursor: str | None


class HousePublic(BaseModel):
    """The bankroll and the open bets, as the contract counts them. `free_micro` is the part of the
    pool that is neither stakes of open bets nor locked for their payouts."""

    pool_micro: str = Field(examples=["1000000000000"])
    open_stakes_micro: str = Field(examples=["2500000"])
    locked_micro: str = Field(examples=["2300000"])
    free_micro: str = Field(examples=["999995200000"])
    batch_count: int
    paused: bool
    head_block: int
    head_timestamp_s: int
