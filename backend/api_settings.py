"""Owns the settings of the API, read once from the environment; sets no default for money, chain or
time."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings

from backend.transactions.deployment import Deployment, DeploymentInvalid
from protocol.limits import MAX_LEGS

KEY_BYTES = 32
MAX_SECONDS_AFTER_BASE = 2**16 - 1


class ApiSettings(BaseSettings):
    """What the process needs. `max_deadline_s` is how far ahead a slip's deadline may lie,
    `max_odds_age_ms` how long ago the odds process must have been heard. The two windows of the
    contract come from the deployment file, or from here when it does not name them."""

    database_url: str
    redis_url: str
    chain_id: int
    deployment_file: Path
    clock: Literal["wall", "chain"]
    quote_signer_key: SecretStr
    min_stake_micro: int = Field(gt=0)
    max_stake_micro: int = Field(gt=0, lt=2**63)
    max_payout_micro: int = Field(gt=0, lt=2**63)
    max_legs: int = Field(gt=0, le=MAX_LEGS)
    max_deadline_s: int = Field(default=120, gt=0, le=MAX_SECONDS_AFTER_BASE // 2)
    max_odds_age_ms: int = Field(gt=0)
    rate_limit_per_minute: int = Field(gt=0)
    receipt_window_s: int | None = Field(default=None, gt=0)
    exit_delay_s: int | None = Field(default=None, gt=0)
    rpc_url: SecretStr | None = None
    database_connections: int = Field(default=10, gt=1)

    @field_validator("quote_signer_key")
    @classmethod
    def _check_key(cls, value: SecretStr) -> SecretStr:
        _key(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _check_limits(self) -> ApiSettings:
        if not self.min_stake_micro <= self.max_stake_micro <= self.max_payout_micro:
            raise ValueError(
                "MIN_STAKE_MICRO, MAX_STAKE_MICRO and MAX_PAYOUT_MICRO must not fall in this order"
            )
        return self

    @property
    def quote_key_bytes(self) -> bytes:
        """The key that signs receipts and countersigns withdrawals."""
        return _key(self.quote_signer_key.get_secret_value())


@dataclass(frozen=True, slots=True)
class House:
    """The deployment that this API serves, with the windows of its contract in seconds."""

    deployment: Deployment
    receipt_window_s: int
    exit_delay_s: int

    @classmethod
    def read(cls, settings: ApiSettings) -> House:
        """Raises DeploymentInvalid with what to do."""
        deployment = Deployment.read(settings.deployment_file, settings.chain_id)
        parameters = json.loads(settings.deployment_file.read_text()).get("parameters") or {}
        windows: list[int] = []
        for name in ("receipt_window_s", "exit_delay_s"):
            value = parameters.get(name, getattr(settings, name))
            if not isinstance(value, int):
                raise DeploymentInvalid(
                    f"DEPLOYMENT_FILE {settings.deployment_file} does not name {name}:"
                    f" set {name.upper()} in the environment"
                )
            windows.append(value)
        return cls(deployment, *windows)


def read_settings() -> ApiSettings:
    """The settings of the environment; ends the process with one sentence for each that is
    missing or wrong, and shows no value."""
    try:
        return ApiSettings()
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False, include_context=False):
            name = str(problem["loc"][0]).upper() if problem["loc"] else ""
            said = f"set {name} in the environment: {problem['msg']}" if name else problem["msg"]
            print(f"api: {said}", file=sys.stderr)
        raise SystemExit(2) from None


def _key(word: str) -> bytes:
    try:
        key = bytes.fromhex(word.strip().removeprefix("0x"))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError("a private key is 32 bytes in hex")
    return key
