"""Defines the JSON of what owners sign for the house to send."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, field_validator

from backend import examples
from backend.accounts.models import AmountMicro
from backend.fields import ADDRESS, HEX_32, SIGNATURE, STRICT
from backend.paging import NextCursor
from backend.relays.signed import FEE_MICRO, SignedRelay
from backend.relays.status import RelayStatus
from backend.relays.tables import RelayKind
from protocol.limits import MAX_ACCOUNT, MAX_MICRO, MAX_NONCE, MAX_TIME_S

_NUMBER = "^(0|[1-9][0-9]{0,77})$"
_VALUE = "^(0|[1-9][0-9]{0,16})$"
_MAX_UINT256 = 2**256 - 1

Action = Literal["request-exit", "exit", "exclude", "cancel-nonces"]

# What `value` is, at most.
MOST_OF: dict[str, int] = {
    "request-exit": MAX_MICRO,
    "exit": 0,
    "exclude": MAX_TIME_S,
    "cancel-nonces": MAX_NONCE,
}


class DepositCreate(BaseModel):
    """What deposits have in common."""

    model_config = STRICT

    owner: str = Field(
        pattern=ADDRESS,
        examples=[examples.OWNER],
        description="Who holds the tokens and signed; the deposit is to the account of this"
        " address, which the first one opens.",
    )
    amount_micro: AmountMicro = Field(examples=["100000000"])
    signature: str = Field(pattern=SIGNATURE, examples=[examples.SIGNATURE])


class PermitCreate(DepositCreate):
    """A deposit by a permit of the token (EIP-2612) for the sportsbook, of exactly this amount."""

    nonce: str = Field(
        pattern=_NUMBER,
        examples=["0"],
        description="`nonces(owner)` of the token, as the permit has it.",
    )
    deadline_s: int = Field(ge=0, le=MAX_TIME_S, examples=[examples.DEADLINE_S])

    @field_validator("nonce")
    @classmethod
    def _check_nonce(cls, value: str) -> str:
        if int(value) > _MAX_UINT256:
            raise ValueError("a nonce has at most 256 bits")
        return value

    def signed(self, owner: str) -> SignedRelay:
        """What was signed; `owner` with its checksum."""
        return SignedRelay(
            kind=RelayKind.PERMIT,
            owner=owner,
            value=int(self.amount_micro),
            deadline_s=self.deadline_s,
            number=int(self.nonce),
        )


class AuthorizationCreate(DepositCreate):
    """A deposit by an authorization of the token (EIP-3009) of a transfer to the sportsbook, of
    exactly this amount. Its nonce is keccak256(abi.encode(0, salt)): the house charges no fee."""

    valid_after_s: int = Field(ge=0, le=MAX_TIME_S, examples=[0])
    valid_before_s: int = Field(ge=0, le=MAX_TIME_S, examples=[examples.DEADLINE_S])
    salt: str = Field(
        pattern=HEX_32, examples=[examples.RELAY_SALT], description="32 bytes, used once."
    )

    def signed(self, owner: str) -> SignedRelay:
        """What was signed; `owner` with its checksum."""
        return SignedRelay(
            kind=RelayKind.AUTHORIZATION,
            owner=owner,
            value=int(self.amount_micro),
            deadline_s=self.valid_before_s,
            salt=bytes.fromhex(self.salt[2:]),
            valid_after_s=self.valid_after_s,
        )


class RequestCreate(BaseModel):
    """A request as the account's owner signed it (EIP-712 Request, with a fee of 0). `value` is the
    amount of the exit to request in micro-units (0 cancels one), 0 for the exit itself, the time
    until which to exclude the account, or the last nonce to cancel."""

    model_config = STRICT

    account: int = Field(ge=1, le=MAX_ACCOUNT, examples=[examples.ACCOUNT])
    action: Action = Field(examples=["request-exit"])
    value: str = Field(pattern=_VALUE, examples=["50000000"])
    number: int = Field(
        ge=0,
        le=MAX_TIME_S,
        examples=[0],
        description="`request_number` of GET /v1/accounts/{account}.",
    )
    deadline_s: int = Field(ge=0, le=MAX_TIME_S, examples=[examples.DEADLINE_S])
    signature: str = Field(pattern=SIGNATURE, examples=[examples.SIGNATURE])

    def signed(self, owner: str) -> SignedRelay:
        """What was signed."""
        return SignedRelay(
            kind=RelayKind(self.action),
            owner=owner,
            value=int(self.value),
            deadline_s=self.deadline_s,
            account=self.account,
            number=self.number,
        )


class RelayPublic(BaseModel):
    """What an owner signed, and what became of it: waiting (for the worker), sent, or in a block
    that is tentative, confirmed or final; or refused for `reason`: expired, failed (the transaction
    reverted, as when somebody else had sent the same), or the error of the contract. `account` is
    null while the owner has none: the first deposit opens it."""

    relay_hash: str = Field(
        examples=[examples.RELAY_HASH], description="EIP-712 hash that the owner signed."
    )
    kind: RelayKind = Field(examples=["permit"])
    owner: str = Field(examples=[examples.OWNER])
    account: int | None = Field(examples=[None])
    value: str = Field(
        examples=["100000000"],
        description="The deposit in micro-units, or the value of the request.",
    )
    fee_micro: str = Field(examples=[str(FEE_MICRO)], description="The house charges none.")
    number: str | None = Field(
        examples=["0"], description="Of the request or the permit; null for an authorization."
    )
    deadline_s: int = Field(examples=[examples.DEADLINE_S])
    received_at_s: int = Field(examples=[examples.NOW_S])
    status: RelayStatus = Field(examples=["waiting"])
    reason: str | None = Field(examples=[None])
    tx_hash: str | None = Field(examples=[None])
    block: int | None = Field(examples=[None])


class RelayPage(BaseModel):
    """What an owner has signed for the house to send, newest first."""

    relays: list[RelayPublic]
    next_cursor: NextCursor
