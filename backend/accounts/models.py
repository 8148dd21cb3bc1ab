"""Defines the JSON of accounts, their movements and withdrawals."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from backend import examples
from backend.accounts.refusals import AmountInvalid
from backend.fields import SIGNATURE, STRICT, Stage, amount
from backend.paging import NextCursor
from protocol.limits import MAX_ACCOUNT, MAX_TIME_S, WITHDRAWAL_SEQUENCES
from protocol.typed_data import Withdrawal

AmountMicro = Annotated[str, *amount("amount_micro", AmountInvalid)]


class AccountPublic(BaseModel):
    """An account as the mirror shows it, with what is reserved of its balance. `next_nonce` is the
    lowest nonce that a slip can have; leave no gaps. `withdrawal_sequence` is that of the next
    Withdrawal, null when no chain node answers, and `request_number` the `number` of the next
    Request (`Sportsbook.relay`). `excluded_until_s` is null unless the owner has excluded the
    account from betting."""

    account: int = Field(examples=[examples.ACCOUNT])
    owner: str = Field(examples=[examples.OWNER])
    balance_micro: str = Field(examples=["100000000"])
    reserved_micro: str = Field(examples=["42500000"])
    available_micro: str = Field(examples=["57500000"])
    pending_slips: int = Field(examples=[1])
    next_nonce: int = Field(examples=[2])
    withdrawal_sequence: int | None = Field(examples=[0])
    request_number: int = Field(examples=[0])
    excluded_until_s: int | None = Field(examples=[None])
    exit_micro: str = Field(
        examples=["40000000"],
        description="Amount of the announced exit (`Sportsbook.requestExit`), 0 without one. It is"
        " part of `reserved_micro`.",
    )
    exit_unlocks_at_s: int | None = Field(
        examples=[examples.NOW_S + 1_800],
        description="From when on `Sportsbook.exit` pays the announced exit, in unix seconds of the"
        " chain's clock; null without one.",
    )


class AccountList(BaseModel):
    """The accounts of an owner: one, or none."""

    accounts: list[AccountPublic]


class MovementPublic(BaseModel):
    """A change of an account's balance, from an event of the contract: deposit, withdrawal, stake,
    payout, cash_out, refund (the stake of a bet that another one replaced) or fee (to who sent what
    the owner had signed). `stage` is tentative, confirmed or final."""

    kind: Literal["deposit", "withdrawal", "stake", "payout", "cash_out", "refund", "fee"] = Field(
        examples=["deposit"]
    )
    delta_micro: str = Field(examples=["100000000"])
    block: int = Field(examples=[examples.BLOCK])
    at_s: int = Field(examples=[examples.NOW_S], description="Time of the block.")
    tx_hash: str | None = Field(
        examples=[examples.TX_HASH],
        description="Its transaction; null if the mirror wrote the row before it kept them.",
    )
    batch: int | None = Field(examples=[None], description="Batch of the bet it belongs to.")
    bet: int | None = Field(examples=[None], description="Index of the bet in the batch.")
    stage: Stage = Field(examples=["confirmed"])


class MovementPage(BaseModel):
    """Movements, newest first."""

    movements: list[MovementPublic]
    next_cursor: NextCursor


class WithdrawalCreate(BaseModel):
    """A withdrawal as the account's owner signed it (EIP-712 Withdrawal)."""

    model_config = STRICT

    account: int = Field(ge=1, le=MAX_ACCOUNT, examples=[examples.ACCOUNT])
    amount_micro: AmountMicro = Field(examples=["50000000"])
    deadline_s: int = Field(ge=0, le=MAX_TIME_S, examples=[examples.DEADLINE_S])
    sequence: int = Field(ge=0, le=WITHDRAWAL_SEQUENCES - 1, examples=[0])
    signature: str = Field(pattern=SIGNATURE, examples=[examples.SIGNATURE])

    def withdrawal(self) -> Withdrawal:
        """The struct that is signed."""
        return Withdrawal(self.account, int(self.amount_micro), self.deadline_s, self.sequence)


class WithdrawalPublic(BaseModel):
    """The arguments of `Sportsbook.withdrawGranted`, which the owner can send until `deadline_s`:
    the struct (`r`, `vs`) and `word`: account u32 | amount u64 | deadline u40. `signature` is the
    same one as r | s | v."""

    account: int = Field(examples=[examples.ACCOUNT])
    amount_micro: str = Field(examples=["50000000"])
    deadline_s: int = Field(examples=[examples.DEADLINE_S])
    sequence: int = Field(examples=[0])
    withdrawal_hash: str = Field(
        examples=["0x" + "ba" * 32], description="EIP-712 struct hash of the withdrawal."
    )
    granted_at_s: int = Field(examples=[examples.NOW_S])
    r: str = Field(examples=["0x" + "1c" * 32])
    vs: str = Field(examples=["0x" + "1c" * 32])
    word: str = Field(
        examples=[hex(Withdrawal(examples.ACCOUNT, 50_000_000, examples.DEADLINE_S, 0).word())]
    )
    signature: str = Field(examples=[examples.HOUSE_SIGNATURE])
    signer: str = Field(examples=[examples.WITHDRAWAL_SIGNER])
    contract: str = Field(examples=[examples.CONTRACT])


class WithdrawalListed(WithdrawalPublic):
    """A countersigned withdrawal and what became of it: usable, paid in `block` or expired."""

    status: Literal["usable", "paid", "expired"] = Field(examples=["usable"])
    block: int | None = Field(examples=[None])


class WithdrawalPage(BaseModel):
    """Countersigned withdrawals, newest first."""

    withdrawals: list[WithdrawalListed]
    next_cursor: NextCursor
