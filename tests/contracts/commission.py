"""Has a house owe commission: bets of strangers that are won or lost, providers, receivers."""

from __future__ import annotations

from typing import Any

import pytest
from brownie import Intruder, accounts

from protocol.market_id import MarketId
from tests.contracts.intruding import do
from tests.contracts.world import World
from tests.support.signing import score
from tests.support.slips import Pick, make_market
from tests.support.terms import DEPOSIT_MICRO, EVERYTHING, UNIT

RATE_BPS = 2_000
EVENING = "Home v Away, 2025-06-07"
SCALES = pytest.mark.parametrize("decimals", [0, 2, 6, 18])


def played(
    world: World, odds_e4: int, home_goals: int, *, hours: int, stake_micro: int = DEPOSIT_MICRO
) -> None:
    """A new bettor bets on home in a match of its own, which ends so; the bet is settled."""
    now = world.now()
    bettor = world.stranger(hours, stake_micro)
    name = f"Home {hours} v Away {hours}, 2025-05-25"
    game = make_market(starts_at_s=now + 3_600, name=name)
    pick = Pick(game, 0, odds_e4, name)
    placed = world.place(world.sign(bettor, pick, stake_micro=stake_micro, accepted_at_s=now))
    world.travel_to(game.starts_at_s + 7_200)
    world.publish_final(score(home_goals, 1, game.starts_at_s + 7_000, name=name))
    world.settle(placed.number, placed.batch)


def pay(world: World) -> Any:
    """Anybody has the commission paid."""
    return world.bankroll.payCommission({"from": accounts[60]})


def earned(world: World) -> int:
    """Commission that the receiver has or is owed, in micro-units."""
    held = world.scale.to_micro_down(world.token.balanceOf(world.partner))
    return int(held + world.bankroll.commissionOwed())


class WorldWithReceiver(World):
    """A house whose commission goes to the account that `receiver` names: the sportsbook or the
    bankroll before they are deployed, or any address."""

    def __init__(self, receiver: str, token_contract: str = "TestToken") -> None:
        self._receiver = receiver
        super().__init__(RATE_BPS, token_contract)

    def create(self, contract: str, *arguments: Any) -> str:
        if contract == "Sportsbook":
            book = self.owner.get_deployment_address()
            named = {"sportsbook": book, "bankroll": accounts.at(book, True)}
            if self._receiver == "bankroll":
                named["bankroll"] = named["bankroll"].get_deployment_address(nonce=1)
            self._receiver = str(named.get(self._receiver, self._receiver))
            arguments = (*arguments[:-1], self._receiver)
        return super().create(contract, *arguments)


def provider_with(world: World, index: int, micro: int) -> Any:
    """A provider who has deposited this much."""
    who, units = accounts[index], world.scale.to_units(micro)
    world.token.mint(who, units, {"from": world.owner})
    world.token.approve(world.bankroll, EVERYTHING, {"from": who})
    if units:
        world.bankroll.deposit(units, who, {"from": who})
    return who


def open_bet(
    world: World, number: int, *, odds_e4: int, stake_micro: int, name: str = EVENING
) -> tuple[Any, MarketId]:
    """A stranger's bet on home, which nobody has settled."""
    now_s = world.now()
    match = make_market(starts_at_s=now_s + 3_600, name=name)
    bettor = world.stranger(number, stake_micro)
    pick = Pick(match, 0, odds_e4, name)
    bets = world.place(world.sign(bettor, pick, stake_micro=stake_micro, accepted_at_s=now_s))
    assert len(bets.batch.records) == 1
    return bets, match


def end(world: World, match: MarketId, home: int, name: str = EVENING) -> None:
    """The match is over, and its result is final."""
    world.travel_to(match.starts_at_s + 7_200)
    world.publish_final(score(home, 1, match.starts_at_s + 7_000, name=name))


def house_that_owes(decimals: int = 6) -> World:
    """A house of 10,000 with a profit of 10,000, of which 2,000 are owed and charged; it keeps no
    reserve."""
    world = World(RATE_BPS, "ScaledToken", decimals)
    world.set_limits(receipt_reserve_micro=0)
    bank, by = world.bankroll, {"from": world.owner}
    units = world.scale.to_units(world.sportsbook.houseFree() - 10_000 * UNIT)
    bank.withdraw(units, world.owner, world.owner, by)
    played(world, 20_000, 0, hours=41, stake_micro=10_000 * UNIT)
    charge(world)
    assert bank.commissionOwed() == 2_000 * UNIT
    return world


def charge(world: World) -> None:
    """A deposit of the least amount: it charges, and pays nothing."""
    least = max(1, world.scale.units_per_micro)
    world.token.mint(world.owner, least, {"from": world.owner})
    world.bankroll.deposit(least, world.owner, {"from": world.owner})


# -- The receiver


def hooked_receiver() -> tuple[World, Any]:
    """A house with a profit of 1,000, whose receiver is called when tokens arrive."""
    intruder = Intruder.deploy({"from": accounts[0]})
    world = WorldWithReceiver(str(intruder.address), "HookToken")
    do(world, intruder, world.token.approve, world.bankroll, EVERYTHING)
    do(world, intruder, world.token.setHooked, True)
    played(world, 20_000, 0, hours=41)
    return world, intruder
