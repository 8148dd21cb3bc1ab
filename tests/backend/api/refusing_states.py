"""Brings rows and chain into states in which slips are refused."""

from __future__ import annotations

from collections.abc import Callable

from tests.backend.api.bettors import NOW_S, UNIT
from tests.backend.api.fake_chain import BUDGET_MICRO, FakeChain
from tests.backend.api.world import World


def close_market(world: World) -> None:
    world.execute("UPDATE backend.market SET status = 'suspended'")


def close_fixture(world: World) -> None:
    world.execute("UPDATE backend.fixture SET status = 'postponed'")


def pause(world: World) -> None:
    world.execute("UPDATE mirror.book SET paused = true")


def empty_house(world: World) -> None:
    most_micro = BUDGET_MICRO + 5 * UNIT - 1
    world.execute("UPDATE mirror.book SET pool_micro = locked_micro + %s", most_micro)


def announce_exit(world: World) -> None:
    world.insert(
        "mirror.exit_request", deployment=1, account=7, amount_micro=96 * UNIT, unlocks_at_s=0
    )


def exclude(until_s: int) -> Callable[[World], None]:
    def change(world: World) -> None:
        world.insert(
            "mirror.exclusion",
            **{"deployment": 1, "block": 9, "log_index": 0, "account": 7},
            **{"from_s": NOW_S - 5, "until_s": until_s},
        )

    return change


def spent(left_micro: int) -> Callable[[FakeChain], None]:
    return lambda chain: chain.set_receipt_key(left_micro=left_micro)


def lost(chain: FakeChain) -> None:
    chain.reachable = False


def cancel(world: World, last: int, block: int = 9, ago_s: int = 10) -> None:
    world.insert(
        "mirror.cancellation",
        **{"deployment": 1, "block": block, "log_index": 0, "account": 7},
        **{"last_nonce": last, "cancelled_at_s": NOW_S - ago_s},
    )
