"""Defines the settings of the stream, which the API has as well."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import NoDecode

from backend.api.client_address import read_networks
from backend.settings import DeploymentSettings, RedisUrl

# A year.
MAX_SESSION_S = 31_536_000

_ORIGIN = re.compile(r"https?://[^/\s]+")

LOOPBACK = "127.0.0.0/8, ::1"

Origins = Annotated[list[str], NoDecode]
Proxies = Annotated[list[IPv4Network | IPv6Network], NoDecode]


class StreamSettings(DeploymentSettings):
    """What pushing odds and accounts to readers needs: no key. The contract's two windows come from
    the deployment file, or from here when it does not name them."""

    redis_url: RedisUrl
    rate_limit_per_minute: int = Field(gt=0)
    session_idle_s: int = Field(ge=60, le=MAX_SESSION_S)
    session_lifetime_s: int = Field(ge=60, le=MAX_SESSION_S)
    receipt_window_s: int | None = Field(default=None, gt=0)
    exit_delay_s: int | None = Field(default=None, gt=0)
    database_connections: int = Field(default=10, gt=1)
    public_url: str = Field(default="/", pattern=r"^(/|https?://\S+)$")
    cors_origins: Origins = Field(default_factory=list)
    trusted_proxies: Proxies = Field(default_factory=list)
    metrics_clients: Proxies = Field(default_factory=lambda: read_networks(LOOPBACK))
    max_streams_per_address: int = Field(default=20, gt=0)

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        """Origins separated by commas, or * for any."""
        if not isinstance(value, str):
            return value
        origins = [origin.strip() for origin in value.split(",") if origin.strip()]
        for origin in origins:
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin} is not an origin such as https://app.example.org, or *")
        return origins

    @field_validator("trusted_proxies", "metrics_clients", mode="before")
    @classmethod
    def _read_proxies(cls, value: object) -> object:
        """Addresses and networks separated by commas."""
        if not isinstance(value, str):
            return value
        try:
            return read_networks(value)
        except ValueError:
            raise ValueError(
                "give addresses or networks, separated by commas, such as 127.0.0.1, 10.0.0.0/8"
            ) from None

    @model_validator(mode="after")
    def _check_session(self) -> Self:
        if self.session_idle_s > self.session_lifetime_s:
            raise ValueError("SESSION_IDLE_S must be at most SESSION_LIFETIME_S")
        return self
