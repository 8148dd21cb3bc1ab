"""Looks up the markets that the legs of a slip name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from backend.markets.repository import FixtureRow, MarketRow
from backend.slips.models import LegCreate
from backend.slips.refusals import MarketUnknown
from protocol.typed_data import Leg


@dataclass(frozen=True, slots=True)
class LegStatus:
    """The packed id of a leg's market, the status of its fixture and of the market, and when bets
    on the fixture close."""

    packed: bytes
    fixture: str
    market: str
    closes_at_s: int


@dataclass(frozen=True, slots=True)
class ResolvedLegs:
    """The legs as they are signed, and for each whether it can be bet on."""

    legs: tuple[Leg, ...]
    leg_statuses: tuple[LegStatus, ...]


@dataclass(frozen=True, slots=True)
class OpenedMarkets:
    """Markets that were opened, each with its fixture, by packed id."""

    by_id: Mapping[bytes, tuple[FixtureRow, MarketRow]]

    @classmethod
    def of(cls, fixtures: Iterable[FixtureRow]) -> OpenedMarkets:
        """The markets of some fixtures."""
        return cls(
            {
                market.market.pack(): (fixture, market)
                for fixture in fixtures
                for market in fixture.markets
            }
        )

    def legs(self, creates: Sequence[LegCreate]) -> ResolvedLegs:
        """Raises MarketUnknown for a market that was not opened, or an outcome it does not have."""
        legs: list[Leg] = []
        statuses: list[LegStatus] = []
        for create in creates:
            packed = market_id_of(create)
            found = self.by_id.get(packed)
            if found is None:
                raise MarketUnknown(
                    f"Market {create.market} was not opened; GET /v1/fixtures lists the markets.",
                    market=create.market,
                )
            fixture, market = found
            if create.outcome >= len(market.market.outcomes):
                raise MarketUnknown(
                    f"Market {create.market} has outcomes 0 to"
                    f" {len(market.market.outcomes) - 1}, not {create.outcome}.",
                    market=create.market,
                )
            legs.append(_leg(fixture.name, market.market, create.outcome))
            statuses.append(LegStatus(packed, fixture.status, market.status, fixture.starts_at_s))
        return ResolvedLegs(tuple(legs), tuple(statuses))


# A leg checks its fixture by a hash of the name.
_leg = lru_cache(maxsize=16_384)(Leg)


def market_id_of(leg: LegCreate) -> bytes:
    """The packed id of a leg's market."""
    return bytes.fromhex(leg.market[2:])
