"""The mirror's share price in a state that has everything: commission due, open singles and
accumulators, a market that is marked and settled in part, a bond that was lost, a bet that was sold
by a part."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol.market_id import Kind, fixture_id
from protocol.typed_data import Result
from tests.indexer.mirror import Mirror, mirror_of
from tests.support.house import House, Wanted
from tests.support.nodes import running_node
from tests.support.slips import Pick, make_market
from tests.support.terms import CASH_OUT_AGE_S, UNIT


@pytest.fixture(params=[0, 2, 6, 18])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """A house on a token of so many decimals, with three accounts."""
    with running_node("anvil", tmp_path / "chain") as node:
        made = House(node, tmp_path, decimals=request.param)
        for _ in range(3):
            made.open_account()
        yield made


@pytest.fixture
def mirror(house: House, fresh_database: str) -> Iterator[Mirror]:
    """A mirror of the house."""
    with mirror_of(fresh_database, house) as made:
        yield made


def test_share_price_with_bets_open_markets_marked_and_commission_due(
    house: House, mirror: Mirror
) -> None:
    one = house.scale.to_units(UNIT) * 10**6
    prices: list[tuple[int, int]] = []

    def check() -> None:
        mirror.catch_up()
        assert mirror.difference() is None
        [(enter, leave)] = mirror.rows("SELECT enter_micro, leave_micro FROM mirror.share_price")
        prices.append((int(enter), int(leave)))
        assert house.scale.to_units(int(enter)) == house.call("Bankroll", "previewMint", one)
        assert house.scale.to_units(int(leave)) == house.call("Bankroll", "previewRedeem", one)

    names = [f"{word} v Other, 2025-06-01" for word in ("Lost", "Half", "Open", "Sold")]
    start_s = house.now_s() + 500
    later_s = house.now_s() + 80_000
    lost, half, open_, sold = (
        make_market(starts_at_s=start_s, name=names[0]),
        make_market(Kind.ASIAN_HANDICAP, 3, starts_at_s=start_s, name=names[1]),
        make_market(starts_at_s=later_s, name=names[2]),
        make_market(starts_at_s=later_s, name=names[3]),
    )
    first, second, third = house.bettors
    won_by_house = house.place(Wanted(first, (Pick(lost, 0, 13_337, names[0]),), 900 * UNIT))
    halves = house.place(
        *(
            Wanted(who, (Pick(half, i % 2, 13_337 + i, names[1]),), 7_777_777 + i)
            for i, who in enumerate((second, third, second, third, second))
        )
    )
    singles = house.place(
        Wanted(second, (Pick(open_, 0, 51_113, names[2]),), 3_333_333),
        Wanted(third, (Pick(open_, 1, 20_000, names[2]),), 9_333_333),
        Wanted(
            third, (Pick(open_, 1, 30_000, names[2]), Pick(sold, 0, 30_000, names[3])), 1_234_567
        ),
        Wanted(second, (Pick(sold, 1, 20_000, names[3]),), 5_555_555),
    )
    check()
    house.travel(max(600, CASH_OUT_AGE_S))
    house.publish(
        *(
            Result(fixture_id(name), 1, 0, 0, 0, 1, start_s)
            for name in sorted(names[:2], key=fixture_id)
        )
    )
    bond = house.call("Results", "BOND")
    owner = house.call("Sportsbook", "owner")
    token = (
        "TestToken" if house.scale.units_per_micro == house.scale.micro_per_unit else "ScaledToken"
    )
    units = house.scale.to_units(bond)
    house.send(token, "mint", owner, units)
    house.send(token, "approve", house.contracts.by_name["Results"].address, units)
    house.send("Results", "dispute", fixture_id(names[0]))
    check()
    house.rule(Result(fixture_id(names[0]), 1, 0, 0, 0, 1, start_s))
    check()
    house.pass_dispute_window()
    house.settle((won_by_house, 0, 1))
    check()
    house.settle((halves, 0, 2))
    check()
    house.cash_out(second, singles, 0, 1_111_111, 999_999)
    check()
    # Both are open, marked and due at once.
    assert house.call("Sportsbook", "book")[2] > 0
    mark = house.call("Bankroll", "highWaterMark")
    house.send("Bankroll", "payCommission")
    assert house.call("Bankroll", "highWaterMark") > mark
    check()
    assert prices[-1] == prices[-2]
    house.settle((halves, 2, 3))
    check()
