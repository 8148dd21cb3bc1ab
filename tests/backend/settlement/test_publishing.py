"""Results are published once, on the real contracts.

Branches: not before the final whistle (see test_settling.py) · each fixture once · result that
somebody else published · missing signer key.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, text

from backend.feed.facts import MATCH_LENGTH_S
from backend.settlement.publishing import Publisher
from backend.settlement.results import SignersTooFew
from tests.backend.batching.conftest import OPERATOR_SIGNER
from tests.backend.settlement.match_day import MatchDay
from tests.support.accepted_slips import deployment_of
from tests.support.house import OWNER, RESULT_SIGNERS, House


def test_concurrent_publishers_publish_each_fixture_once(
    day: MatchDay, publisher: Publisher
) -> None:
    for _ in range(3):
        day.game((0, 0, 1, 0))
    day.travel_to(day.start_s + MATCH_LENGTH_S)
    now_s = day.house.now_s()
    with ThreadPoolExecutor(3) as pool:
        counts = list(pool.map(lambda _: publisher.publish(day.facts, now_s), range(3)))
    assert sorted(counts) == [0, 0, 3]
    day.land()
    assert publisher.publish(day.facts, now_s) == 0
    assert day.transactions("publish") == ["mined"]


def test_result_that_somebody_else_published_is_left_out(
    day: MatchDay, publisher: Publisher, engine: Engine, house: House
) -> None:
    ours, theirs = day.game((0, 0, 1, 0)), day.game((0, 0, 2, 0))
    day.travel_to(ours.starts_at_s + MATCH_LENGTH_S)
    publisher.publish([f for f in day.facts if f.name == theirs.name], house.now_s())
    with engine.begin() as connection:
        data: Any = connection.execute(
            text("SELECT data FROM backend.chain_transaction")
        ).scalar_one()
        connection.execute(text("DELETE FROM backend.publication"))
        connection.execute(text("DELETE FROM backend.chain_transaction"))
    results = house.contracts.by_name["Results"]
    _, arguments = results.decode_function_input(data)
    house.contracts.transact(OWNER, results.functions.publish(**arguments))
    assert publisher.publish(day.facts, house.now_s()) == 1
    day.land()
    assert day.transactions("publish") == ["mined"]
    assert all(house.call("Sportsbook", "resultOf", game.market.fixture)[0] for game in day.games)


def test_publisher_with_too_few_keys_is_refused(day: MatchDay, publisher: Publisher) -> None:
    game = day.game((0, 0, 1, 0))
    day.travel_to(game.starts_at_s + MATCH_LENGTH_S)
    lonely = Publisher(
        day.engine,
        publisher._node,
        deployment_of(day.house),
        OPERATOR_SIGNER.address,
        RESULT_SIGNERS[:1],
    )
    with pytest.raises(SignersTooFew, match="requires 2 signatures"):
        lonely.publish(day.facts, day.house.now_s())
    assert day.transactions("publish") == []
