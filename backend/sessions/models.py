"""Defines the JSON of signing in and of sessions."""

from __future__ import annotations

import uuid
from typing import Literal

from pydantic import BaseModel, Field

from backend import examples
from backend.fields import SIGNATURE, STRICT
from backend.sessions.checks import STATEMENT
from backend.sessions.message import MAX_CHARACTERS


class SignInFields(BaseModel):
    """What the message that the wallet signs must say, by the names of EIP-4361. The address is the
    owner's. Times are those of this server, so that a wrong clock in the browser is harmless."""

    domain: str = Field(examples=["app.example.org"])
    uri: str = Field(examples=["https://app.example.org"])
    version: Literal["1"] = Field(examples=["1"])
    chain_id: int = Field(examples=[1337])
    statement: str = Field(examples=[STATEMENT])
    issued_at: str = Field(examples=["2025-05-24T15:20:00Z"])
    expiration_time: str = Field(examples=["2025-05-24T15:25:00Z"])


class NoncePublic(BaseModel):
    """A nonce for one message, and the rest of what it must say."""

    nonce: str = Field(examples=[examples.SIGN_IN_NONCE])
    expires_at_s: int = Field(examples=[examples.NOW_S + 300])
    message: SignInFields


class SessionCreate(BaseModel):
    """The message as it was signed (personal_sign), byte for byte. With `transport` cookie, the
    token of the session is in a cookie that no script can read; with bearer it is in the answer, to
    be sent as `Authorization: Bearer`."""

    model_config = STRICT

    message: str = Field(
        min_length=1, max_length=MAX_CHARACTERS, examples=[examples.SIGN_IN_MESSAGE]
    )
    signature: str = Field(pattern=SIGNATURE, examples=[examples.SIGNATURE])
    transport: Literal["cookie", "bearer"] = Field(default="cookie", examples=["cookie"])


class SessionPublic(BaseModel):
    """A session. It ends at `expires_at_s`, or when it was not used for `idle_s`; `current` is the
    one that asks."""

    id: uuid.UUID = Field(examples=[examples.SESSION])
    address: str = Field(examples=[examples.OWNER])
    user_agent: str = Field(examples=["Mozilla/5.0 (Android 15; Mobile; rv:140.0)"])
    created_s: int = Field(examples=[examples.NOW_S])
    seen_s: int = Field(examples=[examples.NOW_S + 60])
    expires_at_s: int = Field(examples=[examples.NOW_S + 604_800])
    idle_s: int = Field(examples=[86_400])
    current: bool = Field(examples=[True])


class SessionOpened(SessionPublic):
    """A new session. `token` is null where it is in the cookie."""

    token: str | None = Field(examples=[None])


class SessionList(BaseModel):
    """The sessions of the caller's address, the newest first."""

    sessions: list[SessionPublic]
