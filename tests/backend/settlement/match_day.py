"""A match day on the real contracts: fixtures, bettors, bets and results, step by step."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine, text

from backend.batching.service import Batcher
from backend.feed.facts import MATCH_LENGTH_S, FixtureFacts
from backend.settlement.publishing import Publisher
from backend.settlement.reconciliation import reconcile
from tests.support.accepted_slips import Game, accept, deployment_of
from tests.support.facts import facts
from tests.support.house import House
from tests.support.mirror import follow
from tests.support.people import Bettor
from tests.support.terms import RECEIPT_WINDOW_S, UNIT

Land = Callable[[], None]
STAKE = 10 * UNIT


class MatchDay:
    """Fixtures that start in an hour, bettors with money, and the scores as the facts have them."""

    def __init__(self, engine: Engine, house: House, batcher: Batcher, land: Land) -> None:
        self.engine, self.house, self.batcher, self.land = engine, house, batcher, land
        self.start_s = house.now_s() + 3_600
        self.facts: list[FixtureFacts] = []
        self.games: list[Game] = []

    def game(self, score: tuple[int, int, int, int] | None, later_s: int = 0) -> Game:
        number = len(self.games)
        known = facts(f"Home {number} v Away {number}", self.start_s + later_s, score)
        self.facts.append(known)
        game = Game(known.name, known.starts_at_s, source_key=known.key)
        self.games.append(game.open(self.engine))
        return self.games[-1]

    def bettor(self) -> Bettor:
        bettor = self.house.open_account()
        follow(self.engine, self.house)
        return bettor

    def bet(self, bettor: Bettor, *picks: tuple[Game, int], odds_e4: int = 20_000) -> None:
        accept(self.engine, self.house, bettor, list(picks), stake_micro=STAKE, odds_e4=odds_e4)

    def place(self) -> None:
        self.batcher.flush(self.house.now_s())
        self.land()

    def travel_to(self, time_s: int) -> None:
        self.house.travel(max(0, time_s - self.house.now_s()))
        follow(self.engine, self.house)

    def balance(self, bettor: Bettor) -> int:
        return int(self.house.call("Sportsbook", "accountAt", bettor.account)[1])

    def settled(self) -> int:
        with self.engine.connect() as connection:
            return int(
                connection.execute(text("SELECT count(*) FROM mirror.settlement")).scalar_one()
            )

    def transactions(self, kind: str) -> list[str]:
        statement = text("SELECT status FROM backend.chain_transaction WHERE kind = :kind")
        with self.engine.connect() as connection:
            return list(connection.execute(statement, {"kind": kind}).scalars())

    def check(self) -> None:
        now_s = self.house.now_s()
        assert reconcile(self.engine, deployment_of(self.house), now_s, RECEIPT_WINDOW_S) == []

    def publish_all(self, publisher: Publisher) -> int:
        """Publish what is known once every game is over."""
        self.travel_to(max(g.starts_at_s for g in self.games) + MATCH_LENGTH_S)
        published = publisher.publish(self.facts, self.house.now_s())
        self.land()
        return published
