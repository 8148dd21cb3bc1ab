"""A house on a token of other decimals than 6: its mirror counts micro-units all the same.

Branches: equal to the contracts · the share price, with commission due and without · fewer tokens
than are owed · decimals that are not known yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from indexer.errors import IndexerError
from protocol.market_id import fixture_id
from protocol.typed_data import Result
from tests.indexer.mirror import Mirror, mirror_of
from tests.support.house import House, Wanted
from tests.support.nodes import running_node
from tests.support.slips import Pick, make_market
from tests.support.terms import UNIT

_NUMBERS = count(1)


@pytest.fixture(params=[2, 18])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """A house on a token of so many decimals, with one account."""
    with running_node("anvil", tmp_path / "chain") as node:
        made = House(node, tmp_path, decimals=request.param)
        made.open_account()
        yield made


@pytest.fixture
def mirror(house: House, fresh_database: str) -> Iterator[Mirror]:
    """A mirror of the house."""
    with mirror_of(fresh_database, house) as made:
        yield made


def play(house: House, outcome: int) -> None:
    """A match that is won at home, with bets on an outcome that win or lose fractions of a unit."""
    bettor, name = house.bettors[0], f"Up v Down {next(_NUMBERS)}, 2025-06-01"
    start_s = house.now_s() + 500
    pick = Pick(make_market(starts_at_s=start_s, name=name), outcome, 13_337, name)
    number = house.place(*(Wanted(bettor, (pick,), UNIT * n + 7) for n in range(1, 6)))
    house.travel(600)
    house.publish(Result(fixture_id(name), 1, 0, 0, 1, 0, start_s))
    house.pass_dispute_window()
    house.settle((number, 0, 3))


def test_mirror_of_a_token_with_other_decimals(house: House, mirror: Mirror) -> None:
    one = house.scale.to_units(UNIT) * 10**6

    def check_price() -> None:
        mirror.catch_up()
        assert mirror.difference() is None
        [(enter, leave)] = mirror.rows("SELECT enter_micro, leave_micro FROM mirror.share_price")
        assert house.scale.to_units(int(enter)) == house.call("Bankroll", "previewMint", one)
        assert house.scale.to_units(int(leave)) == house.call("Bankroll", "previewRedeem", one)

    check_price()
    play(house, 0)
    check_price()
    # Commission is due on what these bets lost, once it is more than those before have won.
    for _ in range(3):
        play(house, 2)
        check_price()
    owner = house.call("Sportsbook", "owner")
    mark = house.call("Bankroll", "highWaterMark")
    house.send("Bankroll", "mint", one // 7, owner)
    assert house.call("Bankroll", "highWaterMark") > mark
    check_price()
    house.send("Bankroll", "payCommission")
    check_price()
    house.send("Bankroll", "redeem", one // 9, owner, owner)
    check_price()
    [(assets,)] = mirror.rows("SELECT sum(assets) FROM mirror.share_movement")
    [(paid,)] = mirror.rows("SELECT sum(paid_micro) FROM mirror.commission")
    assert paid > 0
    assert house.scale.to_micro_down(int(assets)) - paid == house.call("Bankroll", "netDeposits")


def test_verify_reports_fewer_tokens_than_are_owed(house: House, mirror: Mirror) -> None:
    play(house, 0)
    mirror.catch_up()
    book, token = (house.contracts.by_name[n].address for n in ("Sportsbook", "ScaledToken"))
    owed_micro = house.call("Sportsbook", "book")[0] + house.call("Sportsbook", "accountAt", 1)[1]
    least = -(-owed_micro * house.scale.units_per_micro // house.scale.micro_per_unit)
    slot = keccak(encode(["address", "uint256"], [book, 0]))
    for held, enough in ((least, True), (least - 1, False)):
        word = "0x" + held.to_bytes(32, "big").hex()
        house.node.rpc("anvil_setStorageAt", token, "0x" + slot.hex(), word)
        house.node.mine()
        assert house.call("ScaledToken", "balanceOf", book) == held
        mirror.catch_up()
        difference = mirror.difference()
        assert enough == (difference is None)
    assert f"holds {least - 1} units of its token, and owes {owed_micro}" in (difference or "")


def test_verify_needs_the_decimals(house: House, mirror: Mirror) -> None:
    mirror.catch_up()
    mirror.rows("UPDATE mirror.deployment SET token_decimals = NULL RETURNING 1")
    with pytest.raises(IndexerError, match="python -m indexer run"):
        mirror.difference()
