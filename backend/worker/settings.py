"""Defines the settings of the worker and of Celery's beat."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr, field_validator

from backend.settings import (
    DeploymentSettings,
    RedisUrl,
    RpcUrls,
    Settings,
    first_url,
    private_key,
)
from backend.transactions.gas import GAS_CAP_MIN
from protocol.limits import MAX_BETS, TRANSACTION_GAS_MAX

GWEI = 10**9


class BrokerSettings(Settings):
    """All that `celery beat` needs."""

    redis_url: RedisUrl


class WorkerSettings(DeploymentSettings, BrokerSettings):
    """What the worker needs. A slip waits up to `batch_max_age_s` for others to be batched with; a
    transaction that is not mined after `fee_bump_after_s` is sent again with a higher fee, never
    above `max_fee_gwei` per unit of gas. All together pay at most `max_fees_gwei_per_hour`. None
    asks for more gas than `max_transaction_gas`. Metrics are served on
    `worker_metrics_port` when it is set."""

    rpc_url: RpcUrls
    confirmations: int = Field(ge=0)
    facts_file: Path
    operator_key: SecretStr
    result_signer_keys: SecretStr
    batch_max_slips: int = Field(default=100, gt=0, le=MAX_BETS)
    batch_max_age_s: int = Field(ge=0)
    fee_bump_after_s: int = Field(gt=0)
    max_fee_gwei: int = Field(gt=0)
    max_fees_gwei_per_hour: int = Field(gt=0)
    max_transaction_gas: int = Field(
        default=TRANSACTION_GAS_MAX, ge=GAS_CAP_MIN, le=TRANSACTION_GAS_MAX
    )
    worker_metrics_port: int | None = None

    @field_validator("operator_key", "result_signer_keys")
    @classmethod
    def _check_keys(cls, value: SecretStr) -> SecretStr:
        _keys(value)
        return value

    @property
    def first_rpc_url(self) -> str:
        """The chain node to send to."""
        return first_url(self.rpc_url)

    @property
    def operator_key_bytes(self) -> bytes:
        """The key whose address sends batches."""
        return private_key(self.operator_key.get_secret_value())

    @property
    def result_keys(self) -> list[bytes]:
        """The keys that attest results."""
        return _keys(self.result_signer_keys)

    @property
    def max_fee_wei(self) -> int:
        """The maximum fee per unit of gas."""
        return self.max_fee_gwei * GWEI

    @property
    def fees_per_hour_wei(self) -> int:
        """The maximum of all fees in an hour."""
        return self.max_fees_gwei_per_hour * GWEI


def _keys(words: SecretStr) -> list[bytes]:
    """Several keys are separated by commas."""
    return [private_key(word) for word in words.get_secret_value().split(",")]
