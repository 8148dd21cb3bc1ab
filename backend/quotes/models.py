"""Defines the JSON of quotes."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from backend import examples
from backend.fields import STRICT
from backend.slips.example_messages import EXAMPLES
from backend.slips.models import LegCreate, StakeMicro
from protocol.limits import MAX_ACCOUNT, MAX_LEGS, MAX_MIN_ODDS_E4, MAX_NONCE


class QuoteAsk(BaseModel):
    """The bet that an owner's wallet will place on the chain itself: as a slip, but without a
    deadline and a signature. The quote is for this stake or less."""

    model_config = STRICT

    account: int = Field(ge=1, le=MAX_ACCOUNT, examples=[examples.ACCOUNT])
    stake_micro: StakeMicro = Field(examples=[examples.STAKE_MICRO])
    min_odds_e4: int = Field(ge=0, le=MAX_MIN_ODDS_E4, examples=[examples.MIN_ODDS_E4])
    nonce: int = Field(ge=0, le=MAX_NONCE, examples=[1])
    legs: list[LegCreate] = Field(min_length=1, max_length=MAX_LEGS)


class QuotePublic(BaseModel):
    """Odds that the house has signed (EIP-712 Quote, `message`). The account's owner sends `data`
    to `to`, without value: `Sportsbook.placeQuoted(batch, quote, house)`, where `quote` is account,
    nonce, `max_stake_micro` and `deadline_s`, and `house` is `r` and `vs`. No other address can use
    it. It ends at `deadline_s`, and with the start of a match; until then it reserves stake and
    nonce of the account as a pending slip does."""

    account: int = Field(examples=[examples.ACCOUNT])
    nonce: int = Field(examples=[1])
    max_stake_micro: str = Field(examples=[examples.STAKE_MICRO])
    quoted_at_s: int = Field(examples=[examples.NOW_S])
    deadline_s: int = Field(examples=[examples.NOW_S + 60])
    odds_e4: list[int] = Field(examples=[[examples.ODDS_E4]])
    payout_max_micro: str = Field(examples=[examples.PAYOUT_MICRO])
    message: dict[str, Any] = Field(examples=[EXAMPLES["Quote"]])
    digest: str = Field(examples=["0x" + "ab" * 32])
    r: str = Field(examples=["0x" + "1c" * 32])
    vs: str = Field(examples=["0x" + "1c" * 32])
    signer: str = Field(examples=[examples.SIGNER])
    chain_id: int = Field(examples=[1337])
    to: str = Field(examples=[examples.CONTRACT])
    sender: str = Field(examples=[examples.OWNER], description="The only address that may send it.")
    batch: str = Field(
        examples=["0x" + "01" * 32], description="The function's argument `batch`, packed."
    )
    data: str = Field(examples=["0x" + "5f" * 32], description="Call data of the function.")
