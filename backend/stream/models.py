"""Defines the messages of the stream for the OpenAPI document; `message_sequence` writes them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from backend import examples

STREAM_PATH = "/v1/stream"


class StreamOdds(BaseModel):
    """The odds of one market. Empty `odds_e4` withdraw it. `version` rises with every change."""

    market: str = Field(examples=[examples.MARKET])
    odds_e4: list[int] = Field(examples=[[examples.ODDS_E4, 18_700]])
    version: int = Field(examples=[examples.ODDS_AT_MS])
    at_ms: int = Field(examples=[examples.ODDS_AT_MS])


class StreamSnapshot(BaseModel):
    """All current odds; replaces what was sent before."""

    type: Literal["snapshot"] = Field(examples=["snapshot"])
    epoch: str = Field(examples=[examples.EPOCH])
    seq: int = Field(examples=[41])
    odds_age_ms: int = Field(examples=[400])
    odds: list[StreamOdds]


class StreamDelta(BaseModel):
    """The odds that changed since the message with the `seq` before."""

    type: Literal["delta"] = Field(examples=["delta"])
    epoch: str = Field(examples=[examples.EPOCH])
    seq: int = Field(examples=[42])
    odds_age_ms: int = Field(examples=[400])
    odds: list[StreamOdds]


class StreamHeartbeat(BaseModel):
    """Nothing changed; `odds_age_ms` is the age of the odds process's last heartbeat."""

    type: Literal["heartbeat"] = Field(examples=["heartbeat"])
    epoch: str = Field(examples=[examples.EPOCH])
    seq: int = Field(examples=[42])
    odds_age_ms: int = Field(examples=[400])


class TicketPublic(BaseModel):
    """A ticket for one private stream: open `/v1/stream?ticket=…` with it before `expires_at_s`."""

    ticket: str = Field(examples=["V2h5IGRvIHlvdSByZWFkIHRoaXM_IEl0IGlzIG9ubHkg"])
    expires_at_s: int = Field(examples=[examples.NOW_S + 20])


class StreamClosing(BaseModel):
    """The server is about to stop; open the stream again after `reconnect_after_ms`, which differs
    from reader to reader."""

    type: Literal["closing"] = Field(examples=["closing"])
    reconnect_after_ms: int = Field(examples=[4_200])


STREAM_MESSAGES: tuple[type[BaseModel], ...] = (
    StreamSnapshot,
    StreamDelta,
    StreamHeartbeat,
    StreamClosing,
)
