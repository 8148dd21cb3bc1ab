"""Defines the JSON of offers to cash out."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from backend import examples
from backend.accounts.refusals import AmountInvalid
from backend.fields import SIGNATURE, STRICT, amount

_MESSAGE = {
    "account": examples.ACCOUNT,
    "batch": examples.BATCH,
    "bet": examples.BET,
    "stakeMicro": examples.STAKE_MICRO,
    "priceMicro": "2200000",
    "offeredAt": examples.NOW_S,
    "deadline": examples.NOW_S + 30,
}


class CashOutAsk(BaseModel):
    """How much of the bet's stake is to be cashed out: all of it, or a part; the rest stays."""

    model_config = STRICT

    stake_micro: Annotated[str, *amount("stake_micro", AmountInvalid)] = Field(
        examples=[examples.STAKE_MICRO]
    )


class CashOutRun(BaseModel):
    """The bet, as the argument `run` of `Sportsbook.cashOut`."""

    batch: int = Field(examples=[examples.BATCH])
    first: int = Field(examples=[examples.BET])
    markets: str = Field(examples=["0x" + "01" * 31])
    records: str = Field(examples=["0x" + "02" * 24])
    proof: list[str] = Field(examples=[["0x" + "03" * 32]])


class CashOutOfferPublic(BaseModel):
    """A price that the house has signed. The owner signs `message` (EIP-712 CashOut, with domain
    and types of GET /v1/typed-data) and sends the signature to POST /v1/cash-outs/{id}, or sends
    `Sportsbook.cashOut(run, offer, house, signature)` to the chain, as anybody may: `offer` is
    stake, price, `offered_at_s` and `deadline_s`, `house` is `r` and `vs`. It ends at `deadline_s`,
    and with the start of a match or a result."""

    id: uuid.UUID = Field(examples=[examples.CASH_OUT])
    account: int = Field(examples=[examples.ACCOUNT])
    batch: int = Field(examples=[examples.BATCH])
    bet: int = Field(examples=[examples.BET])
    stake_micro: str = Field(examples=[examples.STAKE_MICRO])
    price_micro: str = Field(examples=["2200000"])
    rest_micro: str = Field(
        examples=["0"], description="What stays staked, as a bet of its own; 0 if nothing does."
    )
    offered_at_s: int = Field(examples=[examples.NOW_S])
    deadline_s: int = Field(examples=[examples.NOW_S + 30])
    message: dict[str, Any] = Field(examples=[_MESSAGE])
    digest: str = Field(examples=["0x" + "ab" * 32])
    r: str = Field(examples=["0x" + "1c" * 32])
    vs: str = Field(examples=["0x" + "1c" * 32])
    signer: str = Field(examples=[examples.SIGNER])
    contract: str = Field(examples=[examples.CONTRACT])
    run: CashOutRun


class CashOutAccept(BaseModel):
    """The owner's signature of the offer's message."""

    model_config = STRICT

    signature: str = Field(pattern=SIGNATURE, examples=[examples.SIGNATURE])


class CashOutPublic(BaseModel):
    """What became of an offer: offered, accepted (the worker sends it), submitted, paid (the bet
    has ended at this price), expired, or failed (it could not take effect any more)."""

    id: uuid.UUID = Field(examples=[examples.CASH_OUT])
    batch: int = Field(examples=[examples.BATCH])
    bet: int = Field(examples=[examples.BET])
    stake_micro: str = Field(examples=[examples.STAKE_MICRO])
    price_micro: str = Field(examples=["2200000"])
    deadline_s: int = Field(examples=[examples.NOW_S + 30])
    status: Literal["offered", "accepted", "submitted", "paid", "expired", "failed"] = Field(
        examples=["accepted"]
    )
    tx_hash: str | None = Field(examples=[None])
