"""Deploys a contract that calls the house in the middle of another call, and says what it calls."""

from __future__ import annotations

from typing import Any

from brownie import Intruder

from tests.contracts.world import World
from tests.support.terms import UNIT

# The moments of a transfer of tokens.
NEVER, SENDING, RECEIVING, REFUSING = range(4)


def intrude(world: World, micro: int = 1_000 * UNIT) -> Any:
    """A contract with an account, tokens, and a hook."""
    intruder = Intruder.deploy({"from": world.owner})
    for spender in (world.sportsbook, world.bankroll, world.results):
        do(world, intruder, world.token.approve, spender, 2**255)
    world.token.mint(intruder, micro, {"from": world.owner})
    do(world, intruder, world.token.setHooked, True)
    return intruder


def do(world: World, intruder: Any, method: Any, *args: Any) -> Any:
    """The intruder calls a contract."""
    data = method.encode_input(*args)
    return intruder.execute(method._address, data, {"from": world.owner})


def prepare(world: World, intruder: Any, moment: int, method: Any, *args: Any) -> None:
    """What the intruder calls in the middle of the next call."""
    data = method.encode_input(*args)
    intruder.prepare(moment, method._address, data, {"from": world.owner})
