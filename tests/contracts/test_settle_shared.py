"""Runs that refer to the markets of a run before them.

settle
├── pays each run as if it came alone, at less gas
│   ├── singles, accumulators, markets in play, of batches that count their times from elsewhere
│   ├── whatever was settled before of another one's batch
│   ├── also when the batch of the run that lists the markets is gone
│   └── from each list on until the next
├── reads a record by the list that is given: in another order it is not the batch's
├── reverts for a run without markets when none were listed before, or for a market past the list
└── reverts for a whole batch without markets of its own
    └── also when they lead its records, behind a list that is as long
cashOut
└── reverts for a run without markets
"""

import pytest

from backend.settlement.runs import prove_run, settle_arguments, share_markets
from protocol.market_id import Kind
from tests.contracts.world import reverts
from tests.support.batches import run
from tests.support.signing import score
from tests.support.slips import OTHER_NAME, Pick, make_market
from tests.support.terms import BANKROLL_MICRO, DEPOSIT_MICRO, UNIT

BASE = slice(0, 5)


def together(*spans):
    """Runs of (number, batch, first, bets) that share their markets."""
    return settle_arguments(share_markets(prove_run(*span) for span in spans))


def send(world, runs):
    return world.sportsbook.settle(runs, {"from": world.owner})


def refuse(world, error, *runs):
    with reverts(error):
        world.sportsbook.settle.call(list(runs), {"from": world.owner})


@pytest.fixture
def three(world, alice, bob, match, now):
    """Three batches of four bets each on the same two markets, one in play, in other orders."""
    _, total, live = markets_of(world, match)
    made = []
    for count in range(3):
        nonce = 1 + 4 * count
        made.append(
            world.place(
                world.sign(alice, Pick(match, 0), accepted_at_s=now - count, nonce=nonce),
                world.sign(
                    bob, Pick(total, 1, name=OTHER_NAME), accepted_at_s=now - count, nonce=nonce
                ),
                world.sign(
                    alice,
                    *(Pick(total, 1, name=OTHER_NAME), Pick(match, count)),
                    accepted_at_s=now - count,
                    nonce=nonce + 1,
                ),
                world.sign(bob, Pick(live, 2), accepted_at_s=now - count, nonce=nonce + 1),
            )[:2]
        )
    return made


def end(world, match, home=1, away=0):
    world.travel_to(match.starts_at_s + 7_200)
    settled_at_s = match.starts_at_s + 7_000
    world.publish_final(
        score(home, away, settled_at_s), score(home, away, settled_at_s, name=OTHER_NAME)
    )


def markets_of(world, match):
    """Match result, total of another match, and match result in play."""
    at = {"starts_at_s": match.starts_at_s}
    return (
        match,
        make_market(Kind.TOTAL_GOALS, 10, **at, name=OTHER_NAME),
        make_market(Kind.MATCH_RESULT, in_play=True, **at),
    )


def test_runs_that_share_markets_pay_as_alone_and_take_less_gas(world, alice, bob, three, match):
    end(world, match)
    spans = [(number, batch, 0, 3) for number, batch in three]
    alone = [run(*span) for span in spans]
    joint = together(*spans)
    assert [len(markets) for _, _, markets, *_ in joint] == [5 + 2 * 26, 5, 5]
    alone_gas, joint_gas = (
        world.sportsbook.settle.estimate_gas(runs, {"from": world.owner}) for runs in (alone, joint)
    )
    assert joint_gas < alone_gas - 5_000
    before = {bettor: world.balance(bettor) for bettor in (alice, bob)}
    tx = send(world, joint)
    # At 1:0, home wins and fewer than three goals fall: both singles, and the first double.
    assert [e["settled"] for e in tx.events["BatchSettled"]] == [0b111] * 3
    assert world.balance(alice) - before[alice] == (3 * 2 + 4) * UNIT
    assert world.balance(bob) - before[bob] == 3 * 2 * UNIT
    for market in markets_of(world, match)[:2]:
        assert world.sportsbook.exposureOf(int.from_bytes(market.pack(), "big")) == ((0, 0, 0), 0)
    # What is left is in play, and settled by lists of another length.
    send(world, together(*((number, batch, 2, 2) for number, batch in three)))
    book = world.book()
    assert (book["owed_micro"], book["locked_micro"]) == (0, 0)
    won = world.balance(alice) + world.balance(bob) - 2 * DEPOSIT_MICRO
    assert book["pool_micro"] == BANKROLL_MICRO - won


def test_markets_count_when_the_batch_that_lists_them_is_gone(world, alice, three, match):
    end(world, match)
    spans = [(number, batch, 0, 3) for number, batch in three]
    joint = together(*spans)
    world.settle(*three[0])
    before = world.balance(alice)
    tx = send(world, joint)
    assert [e["batch"] for e in tx.events["BatchSettled"]] == [three[1][0], three[2][0]]
    assert world.balance(alice) > before


def test_settled_bits_of_a_batch_do_not_affect_the_next(world, bob, three, match):
    end(world, match)
    (one, *_), (two, *_) = three[:2]
    world.settle(*three[0], 0, 2)
    before = world.balance(bob)
    tx = send(world, together((*three[0], 1, 2), (*three[1], 0, 3)))
    assert [e["settled"] for e in tx.events["BatchSettled"]] == [0b100, 0b111]
    assert (world.sportsbook.settledBits(one), world.sportsbook.settledBits(two)) == (7, 7)
    assert world.balance(bob) == before + 2 * UNIT


def test_list_of_markets_counts_until_the_next_list(world, alice, bob, three, match):
    end(world, match)
    (one, two, last) = [(number, batch, 0, 3) for number, batch in three]
    parts = together(one, two)
    send(world, [*parts, run(three[2][0], three[2][1], 1, 1), *together((*last[:2], 0, 1))])
    assert world.sportsbook.settledBits(three[0][0]) == 0b111
    assert world.sportsbook.settledBits(three[2][0]) == 0b11
    send(world, [run(*three[2]), *together((*one[:2], 3, 1), (*two[:2], 3, 1))])
    assert world.book()["owed_micro"] == 0


def test_records_are_read_by_the_list_that_is_given(world, three, match):
    end(world, match)
    listing, following = together(*((number, batch, 0, 2) for number, batch in three[:2]))
    number, first, markets, records, proof = listing
    base, ids = markets[BASE], [markets[5:31], markets[31:]]
    refuse(
        world,
        "RunNotOfBatch|ProofInvalid",
        run(three[2][0], three[2][1], 1, 1),
        following,
    )
    swapped = base + ids[1] + ids[0]
    refuse(world, "RunNotOfBatch", (number, first, swapped, records, proof), following)
    late = (following[0], first, (1 + int.from_bytes(following[2], "big")).to_bytes(5, "big"))
    refuse(world, "RunNotOfBatch", listing, (*late, *following[3:]))


def test_run_without_markets_needs_some_before_it(world, three, match):
    end(world, match)
    listing, following = together(*((number, batch, 0, 2) for number, batch in three[:2]))
    refuse(world, "ProofInvalid", following)
    refuse(world, "ProofInvalid", following, listing)
    single = run(three[2][0], three[2][1], 0, 1)
    refuse(world, "ProofInvalid", single, following)


def test_whole_batch_needs_markets_of_its_own(world, three, match):
    end(world, match)
    whole = run(*three[0])
    number, first, markets, records, proof = whole
    other = run(*three[1])
    refuse(world, "RunNotOfBatch", other, (number, first, markets[BASE], records, proof))
    # The same bytes in the same order, with the number of markets that the list before has.
    leading = (number, first, markets[BASE], markets[5:] + records, proof)
    refuse(world, "RunNotOfBatch", other, leading)
    refuse(world, "RunNotOfBatch", leading)


def test_cash_out_needs_markets(world, alice, three):
    number, batch = three[0]
    _, first, markets, records, proof = run(number, batch, 0, 1)
    bare = (number, first, markets[BASE], records, proof)
    with reverts("ProofInvalid"):
        world.cash_out(alice, number, batch, price_micro=0, run_=bare)
