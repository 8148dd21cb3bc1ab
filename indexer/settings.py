"""Owns the indexer's settings, read once from the environment; sets no default for chain,
confirmations or addresses."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Self, TypeVar

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings

from indexer.sync.finality import LOCAL_CHAINS, LOCAL_FINAL_DEPTH, Finality

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
    it. It is final when `final_depth` blocks do and, where the node has the block tag `finalized`,
    the node calls it so; only local chains have a default. Metrics and health are served on
    `indexer_metrics_port` when it is set."""

    confirmations: int = Field(ge=0)
    final_depth: int | None = Field(default=None, ge=1)
    indexer_metrics_port: int | None = None

    @model_validator(mode="after")
    def _check_depth(self) -> Self:
        if self.final_depth is None and self.chain_id not in LOCAL_CHAINS:
            raise PydanticCustomError(
                "final_depth",
                "FINAL_DEPTH: how many blocks lie above one that no reorg reaches; chain"
                " {chain_id} is not a local one, and has no default",
                {"chain_id": self.chain_id},
            )
        if self.finality.depth < self.confirmations:
            raise PydanticCustomError(
                "final_depth", "FINAL_DEPTH: at least CONFIRMATIONS, so that final is confirmed"
            )
        return self

    @property
    def finality(self) -> Finality:
        """When blocks are confirmed and final."""
        return Finality(self.confirmations, self.final_depth or LOCAL_FINAL_DEPTH)


def read(kind: type[T]) -> T:
    """The settings of the environment; ends the process with one sentence for each that is
    missing or wrong, and shows no value."""
    try:
        return kind()
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False, include_context=False):
            # What is wrong with several together names the one to set by itself.
            name, _, rest = (
                (str(problem["loc"][0]).upper(), "", problem["msg"])
                if problem["loc"]
                else problem["msg"].partition(": ")
            )
            print(f"indexer: set {name} in the environment: {rest}", file=sys.stderr)
        raise SystemExit(2) from None
