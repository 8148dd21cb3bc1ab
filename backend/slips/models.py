"""Defines the JSON of slips, and of what a wallet needs to sign them."""

from __future__ import annotations

import uuid
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from backend import examples
from backend.contracts.models import Eip712Domain
from backend.fields import (
    HEX_32,
    SIGNATURE,
    STRICT,
    Stage,
    amount,
)
from backend.paging import NextCursor
from backend.slips.example_messages import EXAMPLES
from backend.slips.refusals import StakeInvalid
from protocol.limits import MAX_ACCOUNT, MAX_LEGS, MAX_MIN_ODDS_E4, MAX_NONCE, MAX_TIME_S
from protocol.placed_event import SkipReason
from protocol.typed_data import Action
from protocol.wallet_messages import types_of

_ACTIONS = ", ".join(f"{action:d} is `{action.words}`" for action in Action)


StakeMicro = Annotated[str, *amount("stake_micro", StakeInvalid)]


class LegCreate(BaseModel):
    """One leg: market id, and index of the outcome in the market's `outcomes`."""

    model_config = STRICT

    market: str = Field(pattern=HEX_32, examples=[examples.MARKET])
    outcome: int = Field(ge=0, le=2, examples=[0])


class SlipCreate(BaseModel):
    """A slip as its bettor signed it (EIP-712 Slip, see GET /v1/typed-data). Amounts are decimal
    strings of micro-units, odds are decimal odds x 10^4, times are unix seconds."""

    model_config = STRICT

    account: int = Field(ge=1, le=MAX_ACCOUNT, examples=[examples.ACCOUNT])
    stake_micro: StakeMicro = Field(examples=[examples.STAKE_MICRO])
    min_odds_e4: int = Field(ge=0, le=MAX_MIN_ODDS_E4, examples=[examples.MIN_ODDS_E4])
    nonce: int = Field(ge=0, le=MAX_NONCE, examples=[1])
    deadline_s: int = Field(ge=0, le=MAX_TIME_S, examples=[examples.DEADLINE_S])
    legs: list[LegCreate] = Field(min_length=1, max_length=MAX_LEGS)
    signature: str = Field(pattern=SIGNATURE, examples=[examples.SIGNATURE])


class ReceiptPublic(BaseModel):
    """The house's signed commitment (EIP-712 Receipt). Until `enforce_until_s` the bettor can place
    the bet with it on the contract without the operator."""

    slip: str = Field(examples=[examples.SLIP_HASH])
    accepted_at_s: int = Field(examples=[examples.NOW_S])
    odds_e4: list[int] = Field(examples=[[examples.ODDS_E4]])
    signer: str = Field(examples=[examples.SIGNER])
    signature: str = Field(examples=[examples.HOUSE_SIGNATURE])


class SlipStatus(StrEnum):
    """Where an accepted slip is."""

    ACCEPTED = "accepted"
    SUBMITTED = "submitted"
    PLACED = "placed"
    REFUSED = "refused"
    EXPIRED = "expired"


SlipReason = StrEnum(  # type: ignore[misc]
    "SlipReason", {reason.name: reason.name.lower().replace("_", "-") for reason in SkipReason}
)


class SlipAccepted(BaseModel):
    """An accepted slip, with its receipt."""

    id: uuid.UUID = Field(examples=[examples.SLIP])
    slip_hash: str = Field(examples=[examples.SLIP_HASH])
    status: Literal["accepted"] = Field(examples=["accepted"])
    accepted_at_s: int = Field(examples=[examples.NOW_S])
    odds_e4: list[int] = Field(examples=[[examples.ODDS_E4]])
    payout_max_micro: str = Field(examples=[examples.PAYOUT_MICRO])
    receipt: ReceiptPublic
    enforce_until_s: int = Field(examples=[examples.ENFORCE_UNTIL_S])
    expected_wait_s: int | None = Field(
        examples=[4],
        description="How long a slip that is accepted now will probably wait to be placed, in"
        " seconds: longer while gas is too expensive or nothing is mined; null when nobody knows.",
    )


class SlipLegPublic(BaseModel):
    """A leg of an accepted slip, with readable names."""

    market: str = Field(examples=[examples.MARKET])
    fixture: str | None = Field(examples=[examples.FIXTURE_NAME])
    competition: str | None = Field(examples=[examples.COMPETITION])
    kind: str = Field(examples=[examples.KIND])
    period: str = Field(examples=[examples.PERIOD])
    outcome: str = Field(examples=[examples.OUTCOME])
    outcome_number: int = Field(examples=[0])
    odds_e4: int = Field(examples=[examples.ODDS_E4])


class SlipPublic(BaseModel):
    """An accepted slip. `status` is accepted, submitted (in a transaction), placed (on the chain,
    as the receipt says), refused (left out by the contract, for `reason`) or expired (too late for
    the contract). Refused for `nonce-used` with a `batch` and `bet`: that bet has the slip's nonce,
    at other terms than the receipt. If its stake, markets and outcomes are the slip's, the
    account's owner can have the receipt replace it until `enforce_until_s`
    (`Sportsbook.enforceInstead`)."""

    id: uuid.UUID = Field(examples=[examples.SLIP])
    slip_hash: str = Field(examples=[examples.SLIP_HASH])
    status: SlipStatus = Field(examples=["placed"])
    reason: SlipReason | None = Field(examples=[None])
    account: int = Field(examples=[examples.ACCOUNT])
    nonce: int = Field(examples=[1])
    stake_micro: str = Field(examples=[examples.STAKE_MICRO])
    min_odds_e4: int = Field(examples=[examples.MIN_ODDS_E4])
    deadline_s: int = Field(examples=[examples.DEADLINE_S])
    payout_max_micro: str = Field(examples=[examples.PAYOUT_MICRO])
    legs: list[SlipLegPublic]
    receipt: ReceiptPublic
    enforce_until_s: int = Field(examples=[examples.ENFORCE_UNTIL_S])
    batch: int | None = Field(examples=[examples.BATCH])
    bet: int | None = Field(examples=[examples.BET])
    tx_hash: str | None = Field(examples=[examples.TX_HASH])
    stage: Stage | None = Field(
        examples=["confirmed"], description="How certain its bet is; null without one."
    )


class SlipPage(BaseModel):
    """Accepted slips, those accepted last first."""

    slips: list[SlipPublic]
    next_cursor: NextCursor


class EnforcementPublic(BaseModel):
    """A transaction that places a slip as its receipt says: send `data` to `to`, without value.
    `function` is enforce, or enforceInstead where the slip was placed at other terms. `sender` is
    the only address that may send it: the owner, from the start of the first match on or to replace
    a bet; null if anybody may."""

    chain_id: int = Field(examples=[1337])
    to: str = Field(examples=[examples.CONTRACT])
    function: Literal["enforce", "enforceInstead"] = Field(examples=["enforce"])
    data: str = Field(examples=["0x" + "5f" * 32], description="Call data of the function.")
    sender: str | None = Field(examples=[None])
    enforce_until_s: int = Field(examples=[examples.ENFORCE_UNTIL_S])
    batch: str = Field(
        examples=["0x" + "01" * 32], description="The function's argument `batch`, packed."
    )
    r: str = Field(examples=["0x" + "1c" * 32], description="Of its argument `receipt`.")
    vs: str = Field(examples=["0x" + "1c" * 32])


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


class RelayingPublic(BaseModel):
    """What the house sends for owners at its own cost (POST /v1/relays/...): requests, and deposits
    of at least `min_deposit_micro`, with deadlines at most `max_deadline_s` ahead. An owner's own
    transaction has no such limits."""

    min_deposit_micro: str = Field(examples=["100000"])
    max_deadline_s: int = Field(examples=[3_600])


class QuotingPublic(BaseModel):
    """Quotes of the house (POST /v1/quotes): how long one lasts, and what all of one account may
    pay above their stakes together."""

    lasts_s: int = Field(examples=[60])
    max_win_micro: str = Field(examples=["5000000000"])


class TypedDataSet(BaseModel):
    """What a wallet signs for one primary type, with an example message. ethers takes `domain`,
    `types` and `message`, viem and eth_account these with `primaryType`; `v4` is the second
    argument of eth_signTypedData_v4, and eth_account's `full_message`."""

    signed_by: Literal["owner", "house", "both"] = Field(
        examples=["owner"],
        description="Who signs it: the account's owner (of a permit or authorization, of the"
        " tokens), the house, or both.",
    )
    domain: Eip712Domain
    types: dict[str, list[dict[str, str]]] = Field(
        examples=[types_of("Withdrawal")],
        description="Exactly the types that the message uses, without EIP712Domain.",
    )
    primaryType: str = Field(examples=["Withdrawal"])
    message: dict[str, Any] = Field(
        examples=[EXAMPLES["Withdrawal"]],
        description="An example. Integers of more than 53 bits are decimal strings.",
    )
    digest: str = Field(
        examples=["0x" + "ab" * 32],
        description="EIP-712 hash of the example, which is what is signed.",
    )
    v4: dict[str, Any] = Field(
        examples=[{"primaryType": "Withdrawal", "message": EXAMPLES["Withdrawal"]}],
        description="All of it with EIP712Domain, for eth_signTypedData_v4.",
    )


class TypedDataPublic(BaseModel):
    """Everything a wallet needs to sign slips, withdrawals and the rest for this deployment:
    `messages` has one set for each primary type."""

    domain: Eip712Domain
    messages: dict[str, TypedDataSet] = Field(
        description="By primary type: Slip, Withdrawal, Receipt, Request, CashOut and Quote."
        " The `action` of a Request is in words, where"
        f" `Sportsbook.relay` takes a number: {_ACTIONS}. If a chain node answers and the token"
        " takes them, in the token's domain: Permit (EIP-2612), for"
        " `Sportsbook.depositWithPermit`, and ReceiveWithAuthorization (EIP-3009), for"
        " `depositWithAuthorization`, whose nonce is keccak256(abi.encode(fee, salt)); the"
        f" example's fee is {examples.DEPOSIT_FEE_MICRO} and its salt"
        f" 0x{examples.DEPOSIT_SALT.hex()}."
    )
    types: dict[str, list[dict[str, str]]] = Field(
        examples=[{"Receipt": [{"name": "slip", "type": "bytes32"}]}],
        description="Every type by its name. A wallet needs those of one message alone, which are"
        " in `messages`.",
    )
    limits: LimitsPublic
    receipt_signer: str = Field(examples=[examples.SIGNER])
    withdrawal_signer: str = Field(examples=[examples.WITHDRAWAL_SIGNER])
    cash_out_signer: str | None = Field(
        examples=[examples.SIGNER], description="Null where the house offers no cash-outs."
    )
    relaying: RelayingPublic | None = Field(
        description="Null where the house sends nothing for owners."
    )
    quoting: QuotingPublic | None = Field(description="Null where the house signs no quotes.")
    now_s: int | None = Field(
        examples=[examples.NOW_S],
        description="Unix seconds of the clock in use (CLOCK), against which deadlines are checked;"
        " with CLOCK=chain it is the chain's time.",
    )
