"""The queries of docs/backend.md follow a bet from its acceptance to its settlement.

Each query has a name in its first line, `-- name: …`; one without a name is only run.
"""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import text

from backend.mirror.reconciliation import CHECKS
from backend.settlement.publishing import Publisher
from backend.settlement.reconciliation import reconcile
from backend.settlement.settling import Settler
from tests.backend.settlement.match_day import STAKE, MatchDay
from tests.support.accepted_slips import accept, deployment_of
from tests.support.nodes import ROOT
from tests.support.terms import DISPUTE_WINDOW_S, RECEIPT_WINDOW_S

DOCUMENT = ROOT / "docs" / "backend.md"
BLOCK = re.compile(r"^```sql\n(?:-- name: (\w+)\n)?(.*?)^```$", re.MULTILINE | re.DOTALL)


def queries() -> dict[str, str]:
    found = BLOCK.findall(DOCUMENT.read_text())
    return {name or f"query {number}": sql for number, (name, sql) in enumerate(found)}


class Operator:
    """Looks for one bet with the documented queries."""

    def __init__(self, day: MatchDay, account: int, nonce: int) -> None:
        self._day = day
        self._queries = queries()
        self.asked: set[str] = set()
        self.values = {"deployment": 1, "account": account, "nonce": nonce, "batch": 0, "bet": 0}

    def ask(self, name: str) -> list[dict[str, Any]]:
        self.asked.add(name)
        statement = text(self._queries[name].strip().rstrip(";"))
        values = {key: self.values[key] for key in statement.compile().params}
        with self._day.engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(statement, values)]

    def ask_the_rest(self) -> None:
        for name in self._queries.keys() - self.asked:
            self.ask(name)


def test_queries_follow_a_bet_from_acceptance_to_settlement(
    day: MatchDay, publisher: Publisher, settler: Settler
) -> None:
    game, bettor = day.game((0, 0, 1, 0)), day.bettor()
    operator = Operator(day, bettor.account, 1)
    assert operator.ask("accepted") == []

    day.bet(bettor, (game, 0))
    assert operator.ask("accepted")[0]["stake_micro"] == STAKE
    assert operator.ask("transactions") == []
    assert [row["nonce"] for row in operator.ask("waiting")] == [1]

    day.batcher.flush(day.house.now_s())
    assert [row["status"] for row in operator.ask("transactions")] == ["prepared"]
    assert [(row["kind"], row["attempts"]) for row in operator.ask("stuck")] == [("place", 0)]

    day.land()
    assert [row["status"] for row in operator.ask("transactions")] == ["mined"]
    assert operator.ask("stuck") == operator.ask("waiting") == operator.ask("skipped") == []
    placed = operator.ask("placed")[0]
    operator.values |= {"batch": placed["batch"], "bet": placed["bet"]}
    assert [(row["published_at"], row["final"]) for row in operator.ask("decided")] == [
        (None, False)
    ]
    assert operator.ask("publications") == []

    day.publish_all(publisher)
    assert [row["status"] for row in operator.ask("publications")] == ["mined"]
    assert [row["final"] for row in operator.ask("decided")] == [False]

    day.travel_to(day.house.now_s() + DISPUTE_WINDOW_S)
    assert [row["final"] for row in operator.ask("decided")] == [True]
    assert operator.ask("runs") == operator.ask("settled") == []

    settler.settle(day.house.now_s())
    assert [row["status"] for row in operator.ask("runs")] == ["prepared"]
    day.land()
    assert operator.ask("settled")[0]["payout_micro"] == 2 * STAKE

    reconcile(day.engine, deployment_of(day.house), day.house.now_s(), RECEIPT_WINDOW_S)
    counts = {row["name"]: row["differences"] for row in operator.ask("reconciliation")}
    assert counts == dict.fromkeys(CHECKS, 0)
    operator.ask_the_rest()


def test_query_shows_why_a_slip_was_skipped(day: MatchDay) -> None:
    game, bettor = day.game(None), day.bettor()
    accept(day.engine, day.house, bettor, [(game, 0)], signature=b"\x01" * 64)
    day.place()
    operator = Operator(day, bettor.account, day.house.nonce_of(bettor))
    assert [row["reason"] for row in operator.ask("skipped")] == [2]
    assert operator.ask("placed") == operator.ask("waiting") == []
