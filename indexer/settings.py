"""Owns the indexer's settings, read once from the environment; sets no default for chain,
confirmations or addresses."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TypeVar

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings

T = TypeVar("T", bound=BaseSettings)


class DatabaseSettings(BaseSettings):
    """What every command needs."""

    database_url: str

    @property
    def postgres_url(self) -> str:
        """The database's address as psycopg takes it."""
        return self.database_url.replace("postgresql+psycopg://", "postgresql://", 1)

    @property
    def sqlalchemy_url(self) -> str:
        """The database's address as SQLAlchemy takes it."""
        return self.postgres_url.replace("postgresql://", "postgresql+psycopg://", 1)


class ChainSettings(DatabaseSettings):
    """What a command needs that reads the chain. `rpc_url` lists endpoints, with commas."""

    rpc_url: str
    chain_id: int = Field(gt=0)
    deployment_file: Path

    @field_validator("rpc_url")
    @classmethod
    def _check_urls(cls, value: str) -> str:
        words = [word.strip() for word in value.split(",")]
        if not all(word.startswith(("http://", "https://")) for word in words):
            raise ValueError("endpoints are http:// or https:// addresses, separated by commas")
        return ",".join(words)

    @property
    def rpc_urls(self) -> list[str]:
        """The endpoints, the preferred one first."""
        return self.rpc_url.split(",")


class RunSettings(ChainSettings):
    """What following the chain needs. A block is confirmed when `confirmations` blocks lie above
    it. Metrics are served on `indexer_metrics_port` when it is set."""

    confirmations: int = Field(ge=0)
    indexer_metrics_port: int | None = None


def read(kind: type[T]) -> T:
    """The settings of the environment; ends the process with one sentence for each that is
    missing or wrong, and shows no value."""
    try:
        return kind()
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False, include_context=False):
            name = str(problem["loc"][0]).upper()
            print(f"indexer: set {name} in the environment: {problem['msg']}", file=sys.stderr)
        raise SystemExit(2) from None
