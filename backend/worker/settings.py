"""Owns the settings of the worker, read once from the environment; sets no default for money,
chain, confirmations or time."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings

GWEI = 10**9
_KEY_BYTES = 32

T = TypeVar("T", bound=BaseSettings)


class BrokerSettings(BaseSettings):
    """All that `celery beat` needs."""

    redis_url: str


class WorkerSettings(BrokerSettings):
    """What the worker needs. A slip waits up to `batch_max_age_s` for company; a transaction that
    is not mined after `fee_bump_after_s` offers more, never above `max_fee_gwei` for a unit of
    gas. Metrics are served on `worker_metrics_port` when it is set."""

    database_url: str
    rpc_url: str
    chain_id: int
    confirmations: int = Field(ge=0)
    deployment_file: Path
    clock: Literal["wall", "chain"]
    facts_file: Path
    operator_key: SecretStr
    result_signer_keys: SecretStr
    batch_max_slips: int = Field(default=100, gt=0, le=256)
    batch_max_age_s: int = Field(ge=0)
    fee_bump_after_s: int = Field(gt=0)
    max_fee_gwei: int = Field(gt=0)
    worker_metrics_port: int | None = None

    @field_validator("operator_key", "result_signer_keys")
    @classmethod
    def _check_keys(cls, value: SecretStr) -> SecretStr:
        for word in value.get_secret_value().split(","):
            _key(word)
        return value

    @property
    def operator_key_bytes(self) -> bytes:
        """The key whose address sends batches."""
        return _key(self.operator_key.get_secret_value())

    @property
    def result_keys(self) -> list[bytes]:
        """The keys that attest results."""
        return [_key(word) for word in self.result_signer_keys.get_secret_value().split(",")]

    @property
    def max_fee_wei(self) -> int:
        """The most to pay for a unit of gas."""
        return self.max_fee_gwei * GWEI

    @property
    def postgres_url(self) -> str:
        """The database's address as psycopg takes it."""
        return self.database_url.replace("postgresql+psycopg://", "postgresql://", 1)


def read(kind: type[T]) -> T:
    """The settings of the environment; ends the process with one sentence for each that is
    missing or wrong, and shows no value."""
    try:
        return kind()
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False, include_context=False):
            name = str(problem["loc"][0]).upper()
            print(f"worker: set {name} in the environment: {problem['msg']}", file=sys.stderr)
        raise SystemExit(2) from None


def _key(word: str) -> bytes:
    try:
        key = bytes.fromhex(word.strip().removeprefix("0x"))
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise ValueError("a private key is 32 bytes in hex; several are separated by commas")
    return key
