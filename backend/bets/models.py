"""Defines the JSON of bets on the chain and of the house's book."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from backend import examples
from backend.fields import Stage
from backend.paging import NextCursor


class BetLegPublic(BaseModel):
    """A leg of a bet, with readable names."""

    fixture: str | None = Field(examples=[examples.FIXTURE_NAME])
    competition: str | None = Field(examples=[examples.COMPETITION])
    market: str = Field(examples=[examples.MARKET])
    kind: str = Field(examples=[examples.KIND])
    period: str = Field(examples=[examples.PERIOD])
    outcome: str = Field(examples=[examples.OUTCOME])
    outcome_number: int = Field(examples=[0])
    odds_e4: int = Field(examples=[examples.ODDS_E4])


class BetPublic(BaseModel):
    """A bet on the chain. `state` is open, settled, cashed-out or replaced (a receipt said that
    another bet counts, and the stake was returned). `stage` says how certain its last change is:
    tentative, confirmed or final. `settled_at_s` is the time of the block that closed it. `rest_of`
    is the batch of the bet that this one continues, after a part of that was cashed out; both have
    the same nonce. `instead_of` is that of the bet that this one replaced."""

    batch: int = Field(examples=[examples.BATCH])
    bet: int = Field(examples=[examples.BET])
    account: int = Field(examples=[examples.ACCOUNT])
    nonce: int = Field(examples=[1])
    stake_micro: str = Field(examples=[examples.STAKE_MICRO])
    payout_max_micro: str = Field(examples=[examples.PAYOUT_MICRO])
    accepted_at_s: int = Field(examples=[examples.NOW_S])
    state: Literal["open", "settled", "cashed-out", "replaced"] = Field(examples=["settled"])
    payout_micro: str | None = Field(examples=[examples.PAYOUT_MICRO])
    settled_at_s: int | None = Field(examples=[examples.SETTLED_AT_S])
    rest_of: int | None = Field(examples=[None])
    instead_of: int | None = Field(examples=[None])
    stage: Stage = Field(examples=["confirmed"])
    legs: list[BetLegPublic]
    tx_hash: str = Field(examples=[examples.TX_HASH])
    settlement_tx_hash: str | None = Field(examples=[examples.SETTLEMENT_TX_HASH])


class BetPage(BaseModel):
    """Bets, newest first."""

    bets: list[BetPublic]
    next_cursor: NextCursor


class HousePublic(BaseModel):
    """The bankroll and the open bets, as the contract counts them. `owed_micro` are the stakes of
    open bets or, of markets that are decided, what these bets are paid; `locked_micro` is what open
    bets could cost above that. `free_micro` is the rest of the pool."""

    pool_micro: str = Field(examples=["1000000000000"])
    owed_micro: str = Field(examples=["2500000"])
    locked_micro: str = Field(examples=["2300000"])
    free_micro: str = Field(examples=["999995200000"])
    batch_count: int = Field(examples=[examples.BATCH])
    paused: bool = Field(examples=[False], description="Whether placing bets is paused.")
    head_block: int = Field(
        examples=[examples.BLOCK], description="The newest block that these figures include."
    )
    head_timestamp_s: int = Field(examples=[examples.NOW_S])
