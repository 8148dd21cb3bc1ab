"""Defines the JSON of keys, results and gas."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from backend import examples
from backend.fields import Stage
from backend.paging import NextCursor

RoleName = Literal["operator", "receipts", "cash-outs", "withdrawals"]
ResultStatusName = Literal["played", "void", "abandoned", "fraction"]
ResultState = Literal["published", "disputed", "final"]


class KeyPublic(BaseModel):
    """A key of the house. The most that it can take of the bankroll at once is its budget, and
    twice that within a day; `Sportsbook.keyOf` says what is left of it. docs/trust.md says what
    each role can do."""

    address: str = Field(examples=[examples.SIGNER])
    role: RoleName = Field(examples=["receipts"])
    budget_micro: str = Field(examples=["100000000000"])
    from_s: int = Field(examples=[examples.NOW_S], description="From when on it counts.")
    retired_at_s: int | None = Field(examples=[None])


class KeyList(BaseModel):
    """Every key that was ever granted, newest first."""

    keys: list[KeyPublic]


class CouncilPublic(BaseModel):
    """The signers of whom `threshold` must sign a result, and the arbiter of disputes."""

    term: int = Field(examples=[1])
    signers: list[str] = Field(examples=[[examples.OWNER, examples.SIGNER]])
    threshold: int = Field(examples=[2])
    arbiter: str = Field(examples=[examples.WITHDRAWAL_SIGNER])


class ResultPublic(BaseModel):
    """A result as it is on the chain. A score counts for a match that was played or, for what it
    decided before, abandoned; `state` is final once nobody can dispute it any more."""

    fixture: str = Field(examples=[examples.FIXTURE])
    name: str | None = Field(examples=[examples.FIXTURE_NAME])
    status: ResultStatusName = Field(examples=["played"])
    half_time: list[int] = Field(examples=[[1, 0]])
    full_time: list[int] = Field(examples=[[2, 1]])
    published_at_s: int = Field(examples=[examples.NOW_S])
    final_at_s: int = Field(examples=[examples.NOW_S + 7_200])
    state: ResultState = Field(examples=["final"])
    corrected: bool = Field(examples=[False], description="Whether the arbiter replaced it.")
    stage: Stage = Field(examples=["confirmed"])
    council: CouncilPublic | None


class ResultPage(BaseModel):
    """Results, newest first."""

    results: list[ResultPublic]
    next_cursor: NextCursor


class GasPublic(BaseModel):
    """The gas of a bet in the newest batches, and that of a bet that its owner has placed by its
    receipt and settles, both alone (bench/results/gas.json). Null while no batch was placed, or
    none is settled."""

    batches: int = Field(examples=[50])
    bets: int = Field(examples=[4_200])
    placing_per_bet: int | None = Field(examples=[13_000])
    settling_per_bet: int | None = Field(examples=[4_100])
    alone_per_bet: int = Field(examples=[151_773])
