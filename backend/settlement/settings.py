"""Defines the settings of the operator's result commands."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr, field_validator

from backend.settings import DeploymentSettings, RpcUrls, first_url, private_key

GWEI = 10**9


class ResultSettings(DeploymentSettings):
    """What the commands need that read results and facts."""

    facts_file: Path


class ArbiterSettings(ResultSettings):
    """What `correct --send` needs: the arbiter's key, a node, and the maximum fee."""

    rpc_url: RpcUrls
    arbiter_key: SecretStr
    max_fee_gwei: int = Field(gt=0)

    @field_validator("arbiter_key")
    @classmethod
    def _check_key(cls, value: SecretStr) -> SecretStr:
        private_key(value.get_secret_value())
        return value

    @property
    def first_rpc_url(self) -> str:
        """The chain node to send to."""
        return first_url(self.rpc_url)

    @property
    def arbiter_key_bytes(self) -> bytes:
        """The key whose address rules on results."""
        return private_key(self.arbiter_key.get_secret_value())
