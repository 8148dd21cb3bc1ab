"""Defines the private messages of the stream for the OpenAPI document; `changes` writes them."""

from __future__ import annotations

import uuid
from typing import Literal

from pydantic import BaseModel, Field

from backend import examples
from backend.fields import Stage
from backend.relays.models import RelayPublic
from backend.slips.models import SlipReason, SlipStatus


class OwnAccount(BaseModel):
    """The account as GET /v1/accounts/{account} has it, without what only a node knows."""

    account: int = Field(examples=[examples.ACCOUNT])
    owner: str = Field(examples=[examples.OWNER])
    balance_micro: str = Field(examples=["100000000"])
    reserved_micro: str = Field(examples=["2500000"])
    available_micro: str = Field(examples=["97500000"])
    pending_slips: int = Field(examples=[1])
    next_nonce: int = Field(examples=[2])
    excluded_until_s: int | None = Field(examples=[None])


class OwnSlip(BaseModel):
    """A slip of the account. `stage` is that of its bet; null without one. In a batch that is sent
    it is submitted, left out by the contract it is refused."""

    id: uuid.UUID = Field(examples=[examples.SLIP])
    slip_hash: str = Field(examples=[examples.SLIP_HASH])
    nonce: int = Field(examples=[1])
    stake_micro: str = Field(examples=[examples.STAKE_MICRO])
    status: SlipStatus = Field(examples=["placed"])
    reason: SlipReason | None = Field(examples=[None])
    stage: Stage | None = Field(examples=["tentative"])
    accepted_at_s: int = Field(examples=[examples.NOW_S])
    batch: int | None = Field(examples=[examples.BATCH])
    bet: int | None = Field(examples=[examples.BET])
    tx_hash: str | None = Field(examples=[examples.TX_HASH])


class OwnBet(BaseModel):
    """A bet of the account; GET /v1/bets/{batch}/{bet} has its legs. `stage` says how certain its
    last change is."""

    batch: int = Field(examples=[examples.BATCH])
    bet: int = Field(examples=[examples.BET])
    nonce: int = Field(examples=[1])
    stake_micro: str = Field(examples=[examples.STAKE_MICRO])
    payout_max_micro: str = Field(examples=[examples.PAYOUT_MICRO])
    state: Literal["open", "settled", "cashed-out", "replaced"] = Field(examples=["open"])
    payout_micro: str | None = Field(examples=[None])
    settled_at_s: int | None = Field(examples=[None])
    rest_of: int | None = Field(examples=[None])
    stage: Stage = Field(examples=["tentative"])
    tx_hash: str = Field(examples=[examples.TX_HASH])
    settlement_tx_hash: str | None = Field(examples=[None])


class UndoneBet(BaseModel):
    """A bet that a reorg removed from the chain; it may come again."""

    batch: int = Field(examples=[examples.BATCH])
    bet: int = Field(examples=[examples.BET])


class StreamAccount(BaseModel):
    """The owner's account with its newest slips, the bets that are open or have just ended, and
    what the house was last given to send (relays): replaces what was sent before. `account` is null
    while the owner has none."""

    type: Literal["account"] = Field(examples=["account"])
    account: OwnAccount | None
    slips: list[OwnSlip]
    bets: list[OwnBet]
    undone_bets: list[UndoneBet]
    relays: list[RelayPublic]


class StreamAccountChange(BaseModel):
    """What has changed since: `account` is null where nothing of it did; a slip, bet or relay
    replaces the one that was sent before."""

    type: Literal["account-change"] = Field(examples=["account-change"])
    account: OwnAccount | None
    slips: list[OwnSlip]
    bets: list[OwnBet]
    undone_bets: list[UndoneBet]
    relays: list[RelayPublic]


ACCOUNT_MESSAGES: tuple[type[BaseModel], ...] = (StreamAccount, StreamAccountChange)
