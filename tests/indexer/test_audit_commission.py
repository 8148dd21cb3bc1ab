"""The mirror's commission and share price where the house owes more than it can pay: with bets
open, when the house was lost, when it is filled again, and when more was taken out of it than
deposited."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol.market_id import MarketId
from tests.indexer.mirror import Mirror, mirror_of
from tests.support.deployment import Limits
from tests.support.house import House, Wanted
from tests.support.nodes import running_node
from tests.support.signing import score
from tests.support.slips import Pick, make_market
from tests.support.terms import EVEN_E4, NOTICE_S, UNIT


@pytest.fixture(params=[0, 6, 18])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """A house on a token of so many decimals, which keeps no reserve, with a rich bettor."""
    with running_node("anvil", tmp_path / "chain") as node:
        made = House(node, tmp_path, decimals=request.param)
        made.open_account(10**6 * UNIT)
        limits = Limits(receipt_reserve_micro=0).arguments()
        made.send("Sportsbook", "proposeLimits", limits)
        made.travel(NOTICE_S + 1)
        made.send("Sportsbook", "applyLimits", limits)
        yield made


@pytest.fixture
def mirror(house: House, fresh_database: str) -> Iterator[Mirror]:
    """A mirror of the house."""
    with mirror_of(fresh_database, house) as made:
        yield made


def test_mirror_agrees_while_more_is_owed_than_the_house_can_pay(
    house: House, mirror: Mirror
) -> None:
    one = house.scale.to_units(UNIT) * 10**6
    (bettor,) = house.bettors
    owner = house.call("Sportsbook", "owner")

    def check() -> int:
        """Compares all; returns what is owed."""
        mirror.catch_up()
        assert mirror.difference() is None
        query = "SELECT enter_micro, leave_micro, commission_micro, net_deposits_micro"
        [row] = mirror.rows(f"{query} FROM mirror.share_price")
        enter, leave, owed, deposits = map(int, row)
        assert house.scale.to_units(enter) == house.call("Bankroll", "previewMint", one)
        assert house.scale.to_units(leave) == house.call("Bankroll", "previewRedeem", one)
        assert owed == house.call("Bankroll", "commissionOwed")
        assert deposits == house.call("Bankroll", "netDeposits")
        return owed

    def bet(name: str, stake_micro: int) -> tuple[int, MarketId]:
        match = make_market(starts_at_s=house.now_s() + 500, name=name)
        wanted = Wanted(bettor, (Pick(match, 0, EVEN_E4, name),), stake_micro)
        return house.place(wanted), match

    def finish(name: str, bets: tuple[int, MarketId], home_goals: int) -> None:
        number, match = bets
        house.travel(7_200)
        house.publish(score(home_goals, 1, match.starts_at_s + 6_000, name=name))
        house.pass_dispute_window()
        house.settle((number, 0, 1))

    def deposit(micro: int) -> None:
        units = house.scale.to_units(micro)
        house.send("Bankroll", "deposit", units, owner)

    def withdraw(micro: int) -> None:
        house.send("Bankroll", "withdraw", house.scale.to_units(micro), owner, owner)

    # More is taken out than was ever deposited.
    won = "Won v Lost, 2025-06-01"
    finish(won, bet(won, 300_000 * UNIT), 0)
    assert check() == 30_000 * UNIT
    withdraw(1_100_000 * UNIT)
    assert house.call("Bankroll", "netDeposits") < 0
    assert check() == 30_000 * UNIT
    # More is owed than is free: 200,000 are left.
    lost = "Lost v Won, 2025-06-02"
    bets = bet(lost, 195_000 * UNIT + 333_333)
    assert house.call("Sportsbook", "houseFree") < 30_000 * UNIT == check()
    assert house.call("Bankroll", "maxDeposit", owner) == 0
    # The house has less than it owes, and nobody has had that charged.
    finish(lost, bets, 2)
    left = check()
    assert left == house.call("Sportsbook", "house") < 30_000 * UNIT
    deposit(50_000 * UNIT)
    assert check() == left
    house.send("Bankroll", "payCommission")
    assert check() < UNIT
    # All is lost, and filled again.
    last = "Last v Least, 2025-06-03"
    finish(last, bet(last, house.call("Sportsbook", "houseFree")), 2)
    assert house.call("Sportsbook", "house") == check() == 0
    # Of 18 decimals, shares that were worth nothing twice are so many that little can be deposited.
    most = house.scale.to_micro_down(house.call("Bankroll", "maxDeposit", owner))
    assert most > 0
    deposit(min(7 * UNIT, most))
    assert check() == 0
