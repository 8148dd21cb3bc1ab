"""Looks up the markets that the legs of a slip name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backend.database import Database
from backend.markets.repository import fixtures_of
from backend.slips.models import LegCreate
from backend.slips.refusals import MarketUnknown
from protocol.typed_data import Leg


@dataclass(frozen=True, slots=True)
class LegStatus:
    """The status of a leg's fixture and of its market, and when bets on the fixture close."""

    fixture: str
    market: str
    closes_at_s: int


@dataclass(frozen=True, slots=True)
class ResolvedLegs:
    """The legs as they are signed, and for each whether it can be bet on."""

    legs: tuple[Leg, ...]
    leg_statuses: tuple[LegStatus, ...]


async def resolve_legs(database: Database, creates: Sequence[LegCreate]) -> ResolvedLegs:
    """Raises MarketUnknown for a market that was not opened, or an outcome it does not have."""
    market_ids = [bytes.fromhex(leg.market[2:]) for leg in creates]
    opened = {
        market.market.pack(): (fixture, market)
        for fixture in await fixtures_of(database, market_ids)
        for market in fixture.markets
    }
    legs: list[Leg] = []
    statuses: list[LegStatus] = []
    for leg, market_id in zip(creates, market_ids, strict=True):
        if market_id not in opened:
            raise MarketUnknown(
                f"Market {leg.market} was not opened; GET /v1/fixtures lists the markets.",
                market=leg.market,
            )
        fixture, market = opened[market_id]
        if leg.outcome >= len(market.market.outcomes):
            raise MarketUnknown(
                f"Market {leg.market} has outcomes 0 to {len(market.market.outcomes) - 1}, not"
                f" {leg.outcome}.",
                market=leg.market,
            )
        legs.append(Leg(fixture.name, market.market, leg.outcome))
        statuses.append(LegStatus(fixture.status, market.status, fixture.starts_at_s))
    return ResolvedLegs(tuple(legs), tuple(statuses))
