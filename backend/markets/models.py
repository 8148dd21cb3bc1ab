"""Defines the JSON of fixtures and markets."""

from __future__ import annotations

from pydantic import BaseModel, Field

from backend import examples
from backend.markets.names import kind_name, outcome_labels
from backend.markets.repository import FixtureRow, MarketRow
from backend.markets.tables import FixtureStatus, MarketStatus
from backend.stream.odds_copy import Odds
from protocol.market_id import PERIOD_NAMES


class MarketPublic(BaseModel):
    """A market with its live odds; `odds_e4` is null while none are offered. `at_ms` is the wall
    time at which the odds last changed, `version` rises with every change."""

    id: str = Field(examples=[examples.MARKET])
    fixture: str = Field(examples=[examples.FIXTURE])
    kind: str = Field(examples=[examples.KIND])
    period: str = Field(examples=[examples.PERIOD])
    line_q: int = Field(
        examples=[examples.LINE_Q],
        description="Line in quarter goals; a handicap is that of the home side.",
    )
    in_play: bool = Field(examples=[False])
    outcomes: list[str] = Field(
        examples=[["Over", "Under"]], description="Names of the outcomes, as a wallet signs them."
    )
    labels: list[str] = Field(
        examples=[["Over 2.5", "Under 2.5"]], description="The same names with their lines."
    )
    status: MarketStatus = Field(examples=["open"])
    odds_e4: list[int] | None = Field(
        examples=[[examples.ODDS_E4, 18_700]], description="Decimal odds x 10^4 of each outcome."
    )
    version: int | None = Field(examples=[examples.ODDS_AT_MS])
    at_ms: int | None = Field(examples=[examples.ODDS_AT_MS])


class FixturePublic(BaseModel):
    """A fixture with all its markets. `starts_at_s` is the start as now known; bets close at
    `closes_at_s`, the earlier of that and the announced start, which its markets name."""

    id: str = Field(examples=[examples.FIXTURE])
    name: str = Field(examples=[examples.FIXTURE_NAME])
    home: str = Field(examples=["Arsenal FC"])
    away: str = Field(examples=["Chelsea FC"])
    competition: str = Field(examples=[examples.COMPETITION])
    starts_at_s: int = Field(examples=[examples.STARTS_AT_S])
    closes_at_s: int = Field(examples=[examples.STARTS_AT_S])
    status: FixtureStatus = Field(examples=["scheduled"])
    markets: list[MarketPublic]


def fixture_public(fixture: FixtureRow, odds: Odds) -> FixturePublic:
    """A fixture with its current odds."""
    return FixturePublic(
        id=f"0x{fixture.id.hex()}",
        name=fixture.name,
        home=fixture.home,
        away=fixture.away,
        competition=fixture.competition,
        starts_at_s=fixture.starts_at_s if fixture.moved_to_s is None else fixture.moved_to_s,
        closes_at_s=fixture.starts_at_s,
        status=fixture.status,
        markets=[market_public(row, odds) for row in fixture.markets],
    )


def market_public(row: MarketRow, odds: Odds) -> MarketPublic:
    """A market with its current odds."""
    market = row.market
    packed = f"0x{market.pack().hex()}"
    offered = odds.get(packed) if row.status == "open" else None
    return MarketPublic(
        id=packed,
        fixture=f"0x{market.fixture.hex()}",
        kind=kind_name(market),
        period=PERIOD_NAMES[market.period],
        line_q=market.line_q,
        in_play=market.in_play,
        outcomes=list(market.outcomes),
        labels=outcome_labels(market),
        status=row.status,
        odds_e4=None if offered is None else list(offered.odds_e4),
        version=None if offered is None else offered.version,
        at_ms=None if offered is None else offered.at_ms,
    )
