"""Defines the JSON of slips, and of what a wallet needs to sign them."""

from __future__ import annotations

import uuid

from pydantic import BaseModel, Field, field_validator

from backend.fields import (
    HEX_32,
    MAX_ACCOUNT,
    MAX_U40,
    SIGNATURE,
    STRICT,
    AmountMalformed,
    parse_amount,
)
from backend.markets.models import EXAMPLE_MARKET
from backend.slips.refusals import StakeInvalid
from protocol.limits import MAX_LEGS, MAX_NONCE


class LegCreate(BaseModel):
    """One leg: market id, and index of the outcome in the market's `outcomes`."""

    model_config = STRICT

    market: str = Field(pattern=HEX_32, examples=[EXAMPLE_MARKET])
    outcome: int = Field(ge=0, le=2, examples=[0])


class SlipCreate(BaseModel):
    """A slip as its bettor signed it (EIP-712 Slip, see GET /v1/typed-data). Amounts are decimal
    strings of micro-units, odds are decimal odds x 10^4, times are unix seconds."""

    model_config = STRICT

    account: int = Field(ge=1, le=MAX_ACCOUNT, examples=[7])
    stake_micro: str = Field(examples=["2500000"])
    min_odds_e4: int = Field(ge=0, le=MAX_U40, examples=[19_000])
    nonce: int = Field(ge=0, le=MAX_NONCE, examples=[1])
    deadline_s: int = Field(ge=0, le=MAX_U40, examples=[1_748_100_120])
    legs: list[LegCreate] = Field(min_length=1, max_length=MAX_LEGS)
    signature: str = Field(pattern=SIGNATURE, examples=["0x" + "1b" * 65])

    @field_validator("stake_micro", mode="before")
    @classmethod
    def _check_stake(cls, value: object) -> object:
        """An invalid stake has a refusal of its own."""
        try:
            parse_amount(value, "stake_micro")
        except AmountMalformed as error:
            raise StakeInvalid(str(error)) from None
        return value


class ReceiptPublic(BaseModel):
    """The house's signed commitment (EIP-712 Receipt). Until `enforce_until_s` the bettor can place
    the bet with it on the contract without the operator."""

    slip: str = Field(examples=["0x" + "ab" * 32])
    accepted_at_s: int
    odds_e4: list[int] = Field(examples=[[19_200]])
    signer: str = Field(examples=["0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"])
    signature: str = Field(examples=["0x" + "1c" * 65])


class SlipAccepted(BaseModel):
    """An accepted slip, with its receipt."""

    id: uuid.UUID
    slip_hash: str = Field(examples=["0x" + "ab" * 32])
    status: str = Field(examples=["accepted"])
    accepted_at_s: int = Field(examples=[1_748_100_000])
    odds_e4: list[int] = Field(examples=[[19_200]])
    payout_max_micro: str = Field(examples=["4800000"])
    receipt: ReceiptPublic
    enforce_until_s: int = Field(examples=[1_748_100_600])


class SlipLegPublic(BaseModel):
    """A leg of an accepted slip, with readable names."""

    market: str
    fixture: str | None
    kind: str
    period: str
    outcome: str
    outcome_number: int
    odds_e4: int


class SlipPublic(BaseModel):
    """An accepted slip. `status` is accepted, submitted (in a transaction), placed (on the chain),
    refused (left out by the contract, for `reason`) or expired (too late for the contract)."""

    id: uuid.UUID
    slip_hash: str
    status: str = Field(examples=["placed"])
    reason: str | None = Field(examples=[None])
    account: int
    nonce: int
    stake_micro: str
    min_odds_e4: int
    deadline_s: int
    payout_max_micro: str
    legs: list[SlipLegPublic]
    receipt: ReceiptPublic
    enforce_until_s: int
    batch: int | None
    bet: int | None
    tx_hash: str | None


class LimitsPublic(BaseModel):
    """The limits on slips, and the time windows of the contract."""

    min_stake_micro: str = Field(examples=["100000"])
    max_stake_micro: str = Field(examples=["500000000"])
    max_payout_micro: str = Field(examples=["20000000000"])
    max_legs: int = Field(examples=[12])
    max_pending_slips: int = Field(examples=[8])
    max_deadline_s: int = Field(examples=[120])
    receipt_window_s: int = Field(examples=[600])
    exit_delay_s: int = Field(examples=[1_200])


class DomainPublic(BaseModel):
    """The EIP-712 domain."""

    name: str = Field(examples=["Fairline"])
    version: str = Field(examples=["1"])
    chainId: int = Field(examples=[1337])
    verifyingContract: str = Field(examples=["0x5FbDB2315678afecb367f032d93F642f64180aa3"])


class TypedDataPublic(BaseModel):
    """Everything a wallet needs to sign slips and withdrawals for this deployment."""

    domain: DomainPublic
    types: dict[str, list[dict[str, str]]]
    limits: LimitsPublic
    quote_signer: str
    now_s: int | None = Field(description="The server's clock; deadlines are checked against it.")
