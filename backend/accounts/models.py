"""Owns the JSON of accounts, their movements and withdrawals."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator

from backend.accounts.refusals import AmountInvalid
from backend.slips.decide import read_amount
from backend.slips.models import MAX_ACCOUNT, MAX_U40, SIGNATURE
from backend.slips.refusals import StakeInvalid
from protocol.typed_data import Withdrawal

MAX_SEQUENCE = 127
EXAMPLE_OWNER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


class AccountPublic(BaseModel):
    """An account as the mirror shows it, with what is promised off it. `withdrawal_sequence` is
    null when no chain node is there to ask, `excluded_until_s` unless the owner has shut the
    account to bets."""

    account: int = Field(examples=[7])
    owner: str = Field(examples=[EXAMPLE_OWNER])
    balance_micro: str = Field(examples=["100000000"])
    reserved_micro: str = Field(examples=["2500000"])
    available_micro: str = Field(examples=["97500000"])
    pending_slips: int = Field(examples=[1])
    next_nonce: int = Field(examples=[2])
    withdrawal_sequence: int | None = Field(examples=[0])
    excluded_until_s: int | None = Field(examples=[None])


class MovementPublic(BaseModel):
    """Money that came or went, as an event of the contract says."""

    kind: str = Field(examples=["deposit"])
    delta_micro: str = Field(examples=["100000000"])
    block: int
    batch: int | None
    bet: int | None
    stage: str = Field(examples=["confirmed"])


class MovementPage(BaseModel):
    """Movements, the newest first; `next_cursor` asks for those before them."""

    movements: list[MovementPublic]
    next_cursor: str | None


class WithdrawalCreate(BaseModel):
    """A withdrawal as the account's owner signed it (EIP-712 Withdrawal)."""

    model_config = ConfigDict(extra="forbid", strict=True)

    account: int = Field(ge=1, le=MAX_ACCOUNT, examples=[7])
    amount_micro: str = Field(examples=["50000000"])
    deadline_s: int = Field(ge=0, le=MAX_U40, examples=[1_748_100_300])
    sequence: int = Field(ge=0, le=MAX_SEQUENCE, examples=[0])
    signature: str = Field(pattern=SIGNATURE, examples=["0x" + "1b" * 65])

    @field_validator("amount_micro", mode="before")
    @classmethod
    def _check_amount(cls, value: object) -> object:
        """An amount that is none has a refusal of its own."""
        try:
            read_amount(value, "amount_micro")
        except StakeInvalid as refusal:
            raise AmountInvalid(refusal.detail) from None
        return value

    def withdrawal(self) -> Withdrawal:
        """What is signed of it."""
        return Withdrawal(self.account, int(self.amount_micro), self.deadline_s, self.sequence)


class WithdrawalPublic(BaseModel):
    """What `Sportsbook.withdrawGranted` takes, sent by the owner until `deadline_s`: the signature
    as (r, vs) of EIP-2098, and `word`: account u32 | amount u64 | deadline u40."""

    account: int
    amount_micro: str = Field(examples=["50000000"])
    deadline_s: int
    sequence: int
    word: str = Field(examples=[hex(Withdrawal(7, 50_000_000, 1_748_100_300, 0).word())])
    signature: str = Field(examples=["0x" + "1c" * 65])
    signer: str
    contract: str
