"""Results are published once, on the real contracts.

Branches: not before the final whistle (see test_settling.py) · each fixture once · result that
somebody else published · missing signer key · fixtures of two councils, with the keys of both or of
one · sheet that was mined after its deadline.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, text

from backend.feed.facts import MATCH_LENGTH_S
from backend.settlement.publishing import SHEET_LIFE_S, Publisher
from backend.settlement.sheets import SignersTooFew
from tests.backend.batching.conftest import OPERATOR_SIGNER
from tests.backend.settlement.match_day import MatchDay
from tests.support.accepted_slips import Game, deployment_of
from tests.support.house import OWNER, RESULT_SIGNERS, House
from tests.support.nodes import key
from tests.support.people import council, in_order, key_address
from tests.support.terms import NOTICE_S


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
    results = house.contracts.by_name["Results"].address
    house.contracts.send_data(OWNER, results, f"0x{bytes(data).hex()}")
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
    with pytest.raises(SignersTooFew, match="term 1 requires 2 signatures"):
        lonely.publish(day.facts, day.house.now_s())
    assert day.transactions("publish") == []


NEW_SIGNERS = (key(7), key(8))


def publisher_with(day: MatchDay, publisher: Publisher, keys: tuple[bytes, ...]) -> Publisher:
    return Publisher(
        *(day.engine, publisher._node, deployment_of(day.house)),
        *(OPERATOR_SIGNER.address, keys),
    )


def appoint(house: House) -> None:
    """A new council stands."""
    following = council(in_order(NEW_SIGNERS), 2, key_address(OWNER))
    house.send("Results", "propose", following)
    house.travel(NOTICE_S)
    house.send("Results", "appoint", following)


@pytest.fixture
def old_and_new(day: MatchDay, house: House) -> tuple[Game, Game]:
    """Two games that are over: one that was bet on before the new council stood, one after."""
    old, new = day.game((0, 0, 1, 0), later_s=4 * NOTICE_S), day.game((0, 0, 2, 0), 4 * NOTICE_S)
    alice = day.bettor()
    day.bet(alice, (old, 0))
    day.place()
    appoint(house)
    day.travel_to(house.now_s())
    day.bet(alice, (new, 0))
    day.place()
    never_bet_on = day.game((0, 0, 3, 0))
    day.travel_to(max(game.starts_at_s for game in day.games) + MATCH_LENGTH_S)
    assert term_of(house, old) == 1
    assert term_of(house, new) == 2
    assert term_of(house, never_bet_on) == 0
    return old, new


def term_of(house: House, game: Game) -> int:
    return int(house.call("Sportsbook", "resultOf", game.market.fixture)[-1])


def score_of(house: House, game: Game) -> int:
    return int(house.call("Sportsbook", "resultOf", game.market.fixture)[3])


def test_fixtures_are_published_by_the_council_that_decides_them(
    day: MatchDay, publisher: Publisher, old_and_new: tuple[Game, Game]
) -> None:
    # Keys are tried against each council, in whatever order they are named.
    both = publisher_with(day, publisher, NEW_SIGNERS + RESULT_SIGNERS)
    assert both.publish(day.facts, day.house.now_s()) == 3
    day.land()
    assert day.transactions("publish") == ["mined", "mined"]
    assert [score_of(day.house, game) for game in day.games] == [1, 2, 3]
    assert [term_of(day.house, game) for game in day.games] == [1, 2, 2]


def test_council_without_enough_keys_does_not_keep_others_from_publishing(
    day: MatchDay, publisher: Publisher, old_and_new: tuple[Game, Game]
) -> None:
    fresh = publisher_with(day, publisher, (*NEW_SIGNERS, RESULT_SIGNERS[0]))
    with pytest.raises(SignersTooFew, match=r"term 1 requires 2 .* only 1 keys"):
        fresh.publish(day.facts, day.house.now_s())
    day.land()
    assert [score_of(day.house, game) for game in day.games] == [0, 2, 3]


def test_sheet_that_was_mined_after_its_deadline_is_signed_again(
    day: MatchDay, publisher: Publisher
) -> None:
    game = day.game((0, 0, 1, 0))
    day.travel_to(game.starts_at_s + MATCH_LENGTH_S)
    assert publisher.publish(day.facts, day.house.now_s()) == 1
    day.house.travel(SHEET_LIFE_S + 1)
    day.land()
    assert day.transactions("publish") == ["failed"]
    assert publisher.publish(day.facts, day.house.now_s()) == 1
    day.land()
    assert day.transactions("publish") == ["failed", "mined"]
    assert score_of(day.house, game) == 1
