"""Defines what API and odds process exchange over Redis: keys, channels and messages. It imports no
model, so that the API does not load what fits one."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import orjson

from protocol.market_id import MarketId

ODDS_CHANNEL = "odds"
SLIPS_CHANNEL = "slips"
HEARTBEAT_KEY = "odds:heartbeat"
WRITER_KEY = "odds:writer"
HASH_PREFIX = "odds:0x"
BIDS_PREFIX = "bids:0x"


def now_ms() -> int:
    """Wall time in milliseconds, which dates odds and heartbeats."""
    return time.time_ns() // 1_000_000


def hash_key(fixture: bytes) -> str:
    """The key of the hash with a fixture's odds; its fields are market ids in hex."""
    return f"{HASH_PREFIX}{fixture.hex()}"


def bids_key(fixture: bytes) -> str:
    """The key of the hash with what a fixture's bets are bought back at; its fields are market ids
    in hex, their values a pair of parts per million for each outcome: win, and refund."""
    return f"{BIDS_PREFIX}{fixture.hex()}"


def read_bids(value: bytes) -> tuple[tuple[int, int], ...]:
    """The pairs in a field of such a hash."""
    return tuple((int(win), int(refund)) for win, refund in orjson.loads(value))


@dataclass(frozen=True, slots=True)
class Published:
    """Odds of a market as they are in Redis."""

    odds_e4: tuple[int, ...]
    version: int
    at_ms: int

    def json(self, **more: str) -> str:
        """The value of a hash field; with fixture and market, the message of a change."""
        body = {**more, "odds_e4": self.odds_e4, "version": self.version, "at_ms": self.at_ms}
        return orjson.dumps(body).decode()

    @classmethod
    def read(cls, value: bytes | str) -> Self:
        """The odds in a hash field or message. Raises KeyError, TypeError or ValueError when it
        holds none."""
        body = orjson.loads(value)
        return cls(tuple(body["odds_e4"]), int(body["version"]), int(body["at_ms"]))


@dataclass(frozen=True, slots=True)
class AcceptedLeg:
    """One leg of an accepted slip; `market` is the packed id."""

    market: bytes
    outcome: int
    odds_e4: int


@dataclass(frozen=True, slots=True)
class AcceptedSlip:
    """What the odds need of an accepted slip."""

    slip: str
    stake_micro: int
    legs: tuple[AcceptedLeg, ...]

    def members(self) -> dict[str, object]:
        """The slip in a message on SLIPS_CHANNEL."""
        return {
            "slip": self.slip,
            "stake_micro": self.stake_micro,
            "legs": [
                {"market": f"0x{leg.market.hex()}", "outcome": leg.outcome} for leg in self.legs
            ],
            "odds_e4": [leg.odds_e4 for leg in self.legs],
        }

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Self:
        """The slip of such members. Raises KeyError, TypeError or ValueError for any others, or a
        market or outcome that does not exist."""
        legs = tuple(
            _leg(leg, odds_e4) for leg, odds_e4 in zip(body["legs"], body["odds_e4"], strict=True)
        )
        return cls(str(body["slip"]), int(body["stake_micro"]), legs)


def slips_json(slips: Iterable[AcceptedSlip]) -> bytes:
    """The message on SLIPS_CHANNEL: slips that were accepted together."""
    return orjson.dumps([slip.members() for slip in slips])


def read_slips(message: bytes) -> list[AcceptedSlip]:
    """The slips of a message. Raises KeyError, TypeError or ValueError."""
    return [AcceptedSlip.read(members) for members in orjson.loads(message)]


def _leg(leg: dict[str, str | int], odds_e4: int) -> AcceptedLeg:
    market, outcome = bytes.fromhex(str(leg["market"])[2:]), int(leg["outcome"])
    if not 0 <= outcome < len(MarketId.unpack(market).outcomes):
        raise ValueError(f"the market has no outcome {outcome}")
    return AcceptedLeg(market, outcome, int(odds_e4))
