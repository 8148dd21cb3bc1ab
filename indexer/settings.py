"""Reads the indexer's settings from the environment.

Chain, confirmations and addresses have no default.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from indexer.sync.finality import LOCAL_CHAINS, LOCAL_FINAL_DEPTH, Finality

T = TypeVar("T", bound=BaseSettings)


class DatabaseSettings(BaseSettings):
    """The settings of every command. An empty variable counts as left out."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    @model_validator(mode="before")
    @classmethod
    def _strip(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Also of words that are not kept as text."""
        return {
            name: value.strip() if isinstance(value, str) else value
            for name, value in values.items()
        }

    database_url: str

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, value: str) -> str:
        scheme, _, rest = value.partition("://")
        if scheme not in ("postgresql", "postgresql+psycopg", "postgres") or not rest:
            raise ValueError("give an address such as postgresql://user:password@host/name")
        return f"postgresql+psycopg://{rest}"

    @property
    def postgres_url(self) -> str:
        """The database URL in psycopg's form."""
        return self.database_url.replace("postgresql+psycopg://", "postgresql://", 1)

    @property
    def sqlalchemy_url(self) -> str:
        """The database URL in SQLAlchemy's form."""
        return self.postgres_url.replace("postgresql://", "postgresql+psycopg://", 1)


class ChainSettings(DatabaseSettings):
    """The settings of commands that read the chain. `rpc_url` lists endpoints, with commas."""

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
    """The settings of commands that write the mirror. A block is confirmed when `confirmations`
    blocks are above it. It is final when `final_depth` blocks are and, where the node knows the
    block tag `finalized`, when that tag has reached it; only local chains have a default depth.
    Metrics and health are served on `indexer_metrics_port` when it is set."""

    confirmations: int = Field(ge=0)
    final_depth: int | None = Field(default=None, ge=1)
    indexer_metrics_port: int | None = None

    @model_validator(mode="after")
    def _check_depth(self) -> Self:
        if self.final_depth is None and self.chain_id not in LOCAL_CHAINS:
            raise PydanticCustomError(
                "final_depth",
                "FINAL_DEPTH: the number of blocks above a block after which no reorg can remove"
                " it; chain {chain_id} is not local and has no default",
                {"chain_id": self.chain_id},
            )
        if self.finality.depth < self.confirmations:
            raise PydanticCustomError(
                "final_depth",
                "FINAL_DEPTH: it must be at least CONFIRMATIONS, so that every final block is"
                " confirmed",
            )
        return self

    @property
    def finality(self) -> Finality:
        """When blocks become confirmed and final."""
        return Finality(self.confirmations, self.final_depth or LOCAL_FINAL_DEPTH)


def read(kind: type[T]) -> T:
    """Read settings of a kind; ends the process with one line for each that is missing or wrong,
    without printing values."""
    try:
        return kind()
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False, include_context=False):
            print(f"indexer: {_sentence(problem)}", file=sys.stderr)
        raise SystemExit(2) from None


def _sentence(problem: Mapping[str, Any]) -> str:
    reason = str(problem["msg"]).removeprefix("Value error, ")
    if not problem["loc"]:
        # An error about several settings begins with the one to set.
        name, _, reason = reason.partition(": ")
        return f"set {name} in the environment: {reason}"
    name = str(problem["loc"][0]).upper()
    if problem["type"] == "missing":
        return f"setting {name} is missing: set it in the environment, as .env.example shows"
    return f"setting {name} is invalid: {reason}"
