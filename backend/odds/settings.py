"""Defines the settings of the live-odds process."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from backend.odds.margin import MarginMethod
from backend.settings import DeploymentSettings, RedisUrl

MARGIN_ONE_E4 = 10_000


class OddsSettings(DeploymentSettings):
    """What the odds process needs. `odds_depth_micro` is the difference in payouts, in micro-units,
    that makes a score e times as likely; `odds_margin_e4` of 500 is an overround of 105 %, and
    `price_retention_s` is for how long past odds are kept."""

    redis_url: RedisUrl
    facts_file: Path
    odds_margin_e4: int = Field(ge=0, le=2_000)
    odds_depth_micro: int = Field(gt=0)
    price_retention_s: int = Field(ge=3_600)
    odds_margin_method: MarginMethod = MarginMethod.POWER
