"""Owns the settings of the live-odds service, read once from the environment; sets no default for
money, margin or time."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings

from backend.odds.margin import MarginMethod

MARGIN_ONE_E4 = 10_000


class OddsSettings(BaseSettings):
    """What the process needs. `odds_depth_micro` is the difference in payouts, in micro-units,
    that makes a score e times as likely; `odds_margin_e4` of 500 is an overround of 105 %."""

    database_url: str
    redis_url: str
    facts_file: Path
    chain_id: int
    deployment_file: Path
    clock: Literal["wall", "chain"]
    odds_margin_e4: int = Field(ge=0, le=2_000)
    odds_depth_micro: int = Field(gt=0)
    odds_margin_method: MarginMethod = MarginMethod.POWER

    @property
    def postgres_url(self) -> str:
        """The database's address as psycopg takes it."""
        return self.database_url.replace("postgresql+psycopg://", "postgresql://", 1)


def read_settings() -> OddsSettings:
    """The settings of the environment; ends the process with one sentence for each that is
    missing or wrong."""
    try:
        return OddsSettings()
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            name = str(problem["loc"][0]).upper()
            print(f"odds: set {name} in the environment: {problem['msg']}", file=sys.stderr)
        raise SystemExit(2) from None
