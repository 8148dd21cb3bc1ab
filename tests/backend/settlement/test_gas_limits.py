"""The gas limit of a settlement suffices for the most expensive runs, on a real chain.

Worst are winners of as many accounts: singles on as many markets, which release exposure, and legs
in play, which are decided one by one. Each bound is the most that matters in one of the shapes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from backend.feed.facts import MATCH_LENGTH_S
from backend.settlement.runs import gas_limit, prove_run, settle_arguments
from protocol.calls import encode_call
from protocol.limits import MARKET_LIST_MAX, MAX_LEGS
from protocol.market_id import Kind, fixture_id
from protocol.outcomes import ResultStatus
from protocol.typed_data import Result
from tests.support.house import OPERATOR, House, Wanted
from tests.support.nodes import running_node
from tests.support.people import key_address
from tests.support.slips import Pick, make_market

BETS = 60
NAMES = [f"Home {n} v Away {n}, 2030-01-01" for n in range(MARKET_LIST_MAX)]


class Shape(NamedTuple):
    """What the bets of a batch are on: how many legs each, on how many markets in all."""

    legs: int
    markets: int
    kind: Kind = Kind.MATCH_RESULT
    line_q: int = 0
    outcome: int = 0
    in_play: bool = False

    def pick(self, name: str, starts_at_s: int) -> Pick:
        market = make_market(
            *(self.kind, self.line_q), starts_at_s=starts_at_s, in_play=self.in_play, name=name
        )
        return Pick(market, self.outcome, 10_400, name)


SHAPES = {
    "singles": Shape(1, BETS),
    "singles on a market": Shape(1, 1),
    "accumulators": Shape(MAX_LEGS, MARKET_LIST_MAX),
    # Of correct scores up to 2:2, outcome 3 is 1:0.
    "legs in play": Shape(MAX_LEGS, MAX_LEGS, Kind.CORRECT_SCORE, 8, 3, in_play=True),
}
PARTS = {"whole": (0, BETS), "part": (0, BETS - 1), "middle": (1, 8), "one": (1, 1)}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("anvil")
    with running_node("anvil-capped", folder / "chain") as node:
        yield House(node, folder)


@pytest.fixture(scope="module")
def batches(house: House) -> dict[str, int]:
    """Batches whose bets have all won, by their shape."""
    starts_at_s = house.now_s() + 3_600
    bettors = [house.open_account() for _ in range(BETS)]
    numbers = {}
    for title, shape in SHAPES.items():
        picks = [shape.pick(name, starts_at_s) for name in NAMES[: shape.markets]]
        wanted = [
            Wanted(
                bettor,
                tuple(picks[(at * shape.legs + leg) % len(picks)] for leg in range(shape.legs)),
                stake_micro=100,
            )
            for at, bettor in enumerate(bettors)
        ]
        numbers[title] = house.place(*wanted)
        assert len(house.batches[numbers[title]].records) == BETS
    end_s = starts_at_s + MATCH_LENGTH_S
    house.travel(end_s - house.now_s())
    results = [Result(fixture_id(n), ResultStatus.PLAYED, 0, 0, 1, 0, end_s) for n in NAMES]
    for first in range(0, len(results), 85):
        house.publish(*results[first : first + 85])
    house.pass_dispute_window()
    return numbers


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_gas_limit_suffices_for_the_worst_run(
    house: House, batches: dict[str, int], shape: str, part: str
) -> None:
    number = batches[shape]
    run = prove_run(number, house.batches[number], *PARTS[part])
    limit = gas_limit([run])
    sportsbook = house.contracts.by_name["Sportsbook"]
    call = sportsbook.functions.settle(settle_arguments([run]))
    sender = key_address(OPERATOR)
    # What the call needs while it runs; a receipt deducts what is refunded at its end.
    needed = call.estimate_gas({"from": sender})
    assert needed * 5 // 4 <= limit <= 3 * needed
    saved = house.save()
    house.node.rpc("anvil_impersonateAccount", sender)
    sent = house.node.rpc(
        "eth_sendTransaction",
        {
            **{"from": sender, "to": sportsbook.address, "gas": hex(limit)},
            "data": "0x" + encode_call("Sportsbook", "settle", settle_arguments([run])).hex(),
        },
    )
    house.node.web3.eth.wait_for_transaction_receipt(sent)
    receipt = house.node.rpc("eth_getTransactionReceipt", sent)
    (event,) = house.contracts.events("Sportsbook", "BatchSettled", receipt)
    assert bin(event["settled"]).count("1") == run.bets
    house.revert_to(saved)
