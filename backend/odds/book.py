"""Holds the state of the live odds in memory: open fixtures, their cells, accepted bets; no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from backend.odds.movement import Liability, moved, payout_by_cell
from backend.odds.pricing import Margin, market_bids_e6, market_odds_e4
from backend.odds.redis_messages import AcceptedSlip
from backend.odds.sport import OutcomeSpace, Sport
from protocol.market_id import FIXTURE_BYTES, MarketId

Odds = dict[bytes, tuple[int, ...]]
Bids = dict[bytes, tuple[tuple[int, int], ...]]


_unpacked = lru_cache(maxsize=16_384)(MarketId.unpack)


@dataclass(frozen=True, slots=True)
class OpenFixture:
    """A fixture that accepts bets, with the packed ids of its open markets."""

    fixture: bytes
    home: str
    away: str
    starts_at_s: int
    markets: frozenset[bytes]


@dataclass(slots=True)
class _FixtureBook:
    """One fixture: the model's cells, liabilities, and the resulting odds."""

    opened: OpenFixture
    edition: int
    model: OutcomeSpace
    liabilities: dict[tuple[MarketId, int], Liability] = field(default_factory=dict)
    odds: Odds | None = None
    bids: Bids = field(default_factory=dict)


class OddsBook:
    """Odds of all open fixtures. Prices a fixture only when something about it changed."""

    def __init__(self, sport: Sport, margin: Margin, depth_micro: int) -> None:
        self._sport = sport
        self._margin = margin
        self._depth_micro = depth_micro
        self._books: dict[bytes, _FixtureBook] = {}
        self._slips: dict[str, AcceptedSlip] = {}

    def open(self, fixtures: Iterable[OpenFixture], now_s: int) -> None:
        """Set the fixtures that are open now. Fixtures that have started are left out. When the
        model is a new one, on a new day or after new facts, their odds may move."""
        edition = self._sport.edition(now_s)
        books: dict[bytes, _FixtureBook] = {}
        for opened in fixtures:
            if opened.starts_at_s <= now_s:
                continue
            book = self._books.get(opened.fixture)
            if book is None or book.edition != edition:
                space = self._sport.space(opened.home, opened.away, now_s)
                book = _FixtureBook(opened, edition, space)
                self._add_liabilities(book, self._slips.values())
            elif book.opened != opened:
                book.opened, book.odds = opened, None
            books[opened.fixture] = book
        self._books = books

    def add(self, slip: AcceptedSlip) -> None:
        """Add an accepted slip; one that was added before changes nothing."""
        if slip.slip in self._slips:
            return
        self._slips[slip.slip] = slip
        for fixture in {leg.market[:FIXTURE_BYTES] for leg in slip.legs}:
            if (book := self._books.get(fixture)) is not None:
                self._add_liabilities(book, (slip,))

    def replace_slips(self, slips: Iterable[AcceptedSlip]) -> None:
        """Replace the accepted slips with those in SQL, which repairs lost messages."""
        current = {slip.slip: slip for slip in slips}
        if current == self._slips:
            return
        self._slips = current
        for book in self._books.values():
            before = book.liabilities
            book.liabilities = {}
            self._add_liabilities(book, current.values())
            if book.liabilities != before:
                book.odds = None

    def odds(self) -> Mapping[bytes, Odds]:
        """Odds x 10^4 by fixture and packed market id, without the markets that cannot be offered:
        in-play ones, which no model prices yet, and those that are almost decided."""
        return {fixture: self._odds(book) for fixture, book in self._books.items()}

    def bids(self) -> Mapping[bytes, Bids]:
        """At what the house buys bets back, by fixture and packed market id: for each outcome the
        parts per million that a bet of 1 is expected to win (times its odds) and to get back."""
        return {fixture: book.bids for fixture, book in self._books.items() if self._odds(book)}

    def _odds(self, book: _FixtureBook) -> Odds:
        if book.odds is None:
            payout_micro = payout_by_cell(book.model, book.liabilities)
            space = moved(book.model, payout_micro, self._depth_micro)
            book.odds, book.bids = {}, {}
            for packed in sorted(book.opened.markets):
                market = MarketId.unpack(packed)
                odds_e4 = None if market.in_play else market_odds_e4(space, market, self._margin)
                if odds_e4 is not None:
                    book.odds[packed] = odds_e4
                    book.bids[packed] = market_bids_e6(space, book.model, market, odds_e4)
        return book.odds

    def _add_liabilities(self, book: _FixtureBook, slips: Iterable[AcceptedSlip]) -> None:
        for slip in slips:
            for leg in slip.legs:
                if leg.market[:FIXTURE_BYTES] != book.opened.fixture:
                    continue
                key = _unpacked(leg.market), leg.outcome
                known = book.liabilities.get(key, Liability())
                book.liabilities[key] = known.plus(slip.stake_micro, leg.odds_e4)
                book.odds = None
