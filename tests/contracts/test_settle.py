"""Runs, proofs and what settling does to the book.

settle
├── pays winners, nothing to losers, and clears a batch that is settled whole
├── settles any run, in any order, several runs and batches in one transaction
├── settles 256 bets whole, one by one at their ends, and in parts
├── pays a bet once, whether a run comes twice in one transaction, or later, or overlapping
├── leaves bets alone that are not decided, and takes them later
├── takes markets in any order, and some that no record refers to, when the run is a part
├── gives the exposure back to the last unit, whatever outcome is owed most
└── lets the house win and lose what the bettors lose and win
"""

from dataclasses import replace
from itertools import permutations

import pytest
from brownie import accounts

from protocol.exposure import Exposure, locked_micro
from protocol.market_id import Kind
from tests.contracts.events import payouts, settled_bets
from tests.contracts.oracle import WON, earns
from tests.contracts.world import reverts
from tests.support.batches import run
from tests.support.signing import score, won_at_home
from tests.support.slips import OTHER_NAME, Pick, make_market, pick_elsewhere
from tests.support.terms import BANKROLL_MICRO, DEPOSIT_MICRO, UNIT

OTHER = "Leeds v Hull, 2025-05-25"
NO_COMMITMENT = "0x" + "0" * 64


def test_settle_pays_and_clears(world, alice, seven, match):
    number, batch, _ = seven
    before = world.balance(alice)
    world.end_match(match)
    tx = world.settle(number, batch)
    assert settled_bets(tx) == list(range(7))
    assert payouts(tx) == {0: 20, 3: 26, 6: 32}
    assert world.balance(alice) == before + 78
    assert int(str(world.sportsbook.batches(number)), 16) == 0
    assert world.sportsbook.settledBits(number) == 0
    market = int.from_bytes(match.pack(), "big")
    assert world.sportsbook.exposureOf(market) == ((0, 0, 0), 0)
    stakes = sum(range(10, 17))
    assert world.book() | {"batch_count": 0} == {
        "pool_micro": BANKROLL_MICRO + stakes - 78,
        "owed_micro": 0,
        "locked_micro": 0,
        "accumulators_micro": 0,
        "batch_count": 0,
    }


def test_settle_needs_no_role(world, seven, match):
    number, batch, _ = seven
    world.end_match(match)
    world.sportsbook.settle([run(number, batch)], {"from": accounts[30]})


def test_settle_works_while_paused(world, seven, match):
    number, batch, _ = seven
    world.sportsbook.pausePlacing(True, {"from": world.guardian})
    world.end_match(match)
    world.settle(number, batch)


@pytest.mark.parametrize(
    "runs",
    [
        [(i, 1) for i in range(7)],
        [(6, 1), (0, 2), (4, 2), (2, 2)],
        [(3, 4), (0, 3)],
        [(1, 5), (0, 1), (6, 1)],
        [(0, 4), (2, 5)],
    ],
)
@pytest.mark.parametrize("at_once", [False, True], ids=["apart", "at_once"])
def test_settle_takes_any_runs(world, alice, seven, match, runs, at_once):
    number, batch, _ = seven
    before = world.balance(alice)
    world.end_match(match)
    made = [run(number, batch, first, bets) for first, bets in runs]
    if at_once:
        world.sportsbook.settle(made, {"from": world.owner})
    else:
        for one in made:
            world.sportsbook.settle([one], {"from": world.owner})
    assert world.balance(alice) == before + 78
    assert int(str(world.sportsbook.batches(number)), 16) == 0
    assert world.sportsbook.settledBits(number) == 0
    assert world.book()["locked_micro"] == world.book()["owed_micro"] == 0


def test_settle_every_run_of_every_width(world, alice, match, now):
    """All proofs of trees of 1 to 6 bets hold, and settle what they say."""
    nonce = 0
    batches = []
    for width in range(1, 7):
        slips = []
        for _ in range(width):
            nonce += 1
            slips.append(world.sign(alice, Pick(match, 0), accepted_at_s=now, nonce=nonce))
        batches.append(world.place(*slips))
    world.end_match(match)
    for number, batch, _ in batches:
        width = len(batch.records)
        for first in range(width):
            for bets in range(1, width - first + 1):
                world.sportsbook.settle.call(
                    [run(number, batch, first, bets)], {"from": world.owner}
                )


def test_settle_many_batches_at_once(world, alice, bob, match, now):
    made = []
    for bettor in (alice, bob):
        for nonce in (1, 2):
            signed = world.sign(bettor, Pick(match, nonce - 1), accepted_at_s=now, nonce=nonce)
            made.append(world.place(signed))
    world.end_match(match)
    tx = world.sportsbook.settle([run(n, b) for n, b, _ in made], {"from": world.owner})
    assert len(tx.events["BatchSettled"]) == 4
    assert world.balance(alice) == world.balance(bob) == DEPOSIT_MICRO


@pytest.mark.parametrize(
    "spans",
    [[(0, 256)], [(0, 1), (255, 1), (1, 127), (129, 126), (128, 1)]],
    ids=["whole", "parts"],
)
def test_settle_256_bets(world, match, now, spans):
    bettors = [world.stranger(i) for i in range(4)]
    slips = [
        world.sign(
            bettors[i % 4],
            Pick(match, i % 3, 20_000 + i),
            stake_micro=100 + i,
            accepted_at_s=now,
            nonce=1 + i // 4,
        )
        for i in range(256)
    ]
    number, batch, _ = world.place(*slips)
    expected = {i: (100 + i) * (20_000 + i) // 10_000 for i in range(0, 256, 3)}
    world.end_match(match)
    before = [world.balance(bettor) for bettor in bettors]
    bits = 0
    for first, bets in spans:
        assert bytes(world.sportsbook.batches(number)) == batch.commitment
        assert world.sportsbook.settledBits(number) == bits
        part = world.settle(number, batch, first, bets)
        assert settled_bets(part) == list(range(first, first + bets))
        assert payouts(part) == {i: p for i, p in expected.items() if first <= i < first + bets}
        bits |= part.events["BatchSettled"]["settled"]
    for i, bettor in enumerate(bettors):
        won = sum(paid for bet, paid in expected.items() if bet % 4 == i)
        assert world.balance(bettor) == before[i] + won
    assert str(world.sportsbook.batches(number)) == NO_COMMITMENT
    assert world.sportsbook.settledBits(number) == 0
    assert world.book()["locked_micro"] == world.book()["owed_micro"] == 0


def test_settle_twice_pays_once(world, alice, seven, match):
    number, batch, _ = seven
    before = world.balance(alice)
    world.end_match(match)
    part = run(number, batch, 0, 2)
    tx = world.sportsbook.settle([part, part, run(number, batch, 1, 3)], {"from": world.owner})
    assert [e["settled"] for e in tx.events["BatchSettled"]] == [0b11, 0b1100]
    assert world.balance(alice) == before + 20 + 26
    for again in (part, run(number, batch, 0, 4)):
        with reverts("NothingToSettle"):
            world.sportsbook.settle([again], {"from": world.owner})
    assert settled_bets(world.settle(number, batch)) == [4, 5, 6]
    with reverts("NothingToSettle"):
        world.settle(number, batch)
    assert world.balance(alice) == before + 78


def test_settle_leaves_undecided_bets_alone(world, alice, match, now):
    later = make_market(starts_at_s=match.starts_at_s + 86_400, name=OTHER)
    number, batch, _ = world.place(
        world.sign(alice, Pick(match, 0), accepted_at_s=now, nonce=1),
        world.sign(alice, Pick(later, 0, name=OTHER), accepted_at_s=now, nonce=2),
        world.sign(alice, Pick(match, 0), Pick(later, 0, name=OTHER), accepted_at_s=now, nonce=3),
    )
    with reverts("NothingToSettle"):
        world.settle(number, batch)
    world.end_match(match)
    assert settled_bets(world.settle(number, batch)) == [0]
    assert world.sportsbook.settledBits(number) == 1
    with reverts("NothingToSettle"):
        world.settle(number, batch)
    world.travel_to(later.starts_at_s + 7_200)
    world.publish_final(score(2, 0, later.starts_at_s + 7_000, name=OTHER))
    tx = world.settle(number, batch)
    assert settled_bets(tx) == [1, 2]
    assert payouts(tx) == {1: 2 * UNIT, 2: 4 * UNIT}
    assert world.sportsbook.settledBits(number) == 0
    assert world.book()["locked_micro"] == 0


def test_settle_takes_markets_of_a_part_in_any_order(world, alice, match, now):
    """A leaf says its market itself: the run may list more, and in another order."""
    under = pick_elsewhere(match.starts_at_s, 1, kind=Kind.TOTAL_GOALS, line_q=10)
    total = under.market
    handicap = make_market(Kind.ASIAN_HANDICAP, 1, starts_at_s=match.starts_at_s)
    number, batch, _ = world.place(
        world.sign(alice, Pick(match, 0), under, accepted_at_s=now, nonce=1),
        world.sign(alice, under, accepted_at_s=now, nonce=2),
        world.sign(alice, Pick(handicap, 0), accepted_at_s=now, nonce=3),
    )
    world.travel_to(match.starts_at_s + 7_200)
    settled_at_s = match.starts_at_s + 7_000
    world.publish_final(score(1, 0, settled_at_s), score(1, 0, settled_at_s, name=OTHER_NAME))
    listed_ids = [m.pack()[:26] for m in (handicap, total, match)]
    listed = now.to_bytes(5, "big") + b"".join(listed_ids)
    records = b"".join(
        replace(
            record,
            legs=tuple(
                replace(leg, market=listed_ids.index(batch.markets[leg.market][:26]))
                for leg in record.legs
            ),
        ).pack()
        for record in batch.records[:2]
    )
    proof = run(number, batch, 0, 2)[-1]
    tx = world.sportsbook.settle([(number, 0, listed, records, proof)], {"from": world.owner})
    assert payouts(tx) == {0: 4 * UNIT, 1: 2 * UNIT}
    assert world.sportsbook.exposureOf(int.from_bytes(total.pack(), "big")) == ((0, 0, 0), 0)


def test_settle_moves_house_by_what_bettors_win(world, alice, bob, match, now):
    total = make_market(Kind.TOTAL_GOALS, 10, starts_at_s=match.starts_at_s)
    number, batch, _ = world.place(
        world.sign(alice, Pick(match, 0, 17_500), stake_micro=101, accepted_at_s=now, nonce=1),
        world.sign(bob, Pick(total, 0, 29_999), stake_micro=77, accepted_at_s=now, nonce=1),
    )
    world.end_match(match, 1, 0)
    world.settle(number, batch)
    won = 101 * 17_500 // 10_000
    assert world.sportsbook.house() == BANKROLL_MICRO + 178 - won
    assert world.sportsbook.houseFree() == world.sportsbook.house()
    held = world.token.balanceOf(world.sportsbook)
    assert held == world.balance(alice) + world.balance(bob) + world.sportsbook.house()


def test_settle_of_winners_alone_keeps_the_house_able_to_pay(world, alice, bob, match, now):
    """Winners are paid from the stakes of losers who are not settled yet, and nobody else."""
    stake = 500 * UNIT
    number, batch, _ = world.place(
        world.sign(alice, Pick(match, 0), stake_micro=stake, accepted_at_s=now, nonce=1),
        world.sign(bob, Pick(match, 2), stake_micro=stake, accepted_at_s=now, nonce=1),
    )
    assert world.book()["locked_micro"] == 0
    world.leave_in_bankroll(0)
    assert world.sportsbook.house() == 0
    world.end_match(match)
    world.settle(number, batch, 0, 1)
    assert world.balance(alice) == DEPOSIT_MICRO + stake
    assert world.sportsbook.house() == world.sportsbook.houseFree() == 0
    world.settle(number, batch, 1, 1)
    assert world.book() | {"batch_count": 0} == {
        "pool_micro": 0,
        "owed_micro": 0,
        "locked_micro": 0,
        "accumulators_micro": 0,
        "batch_count": 0,
    }


def test_largest_batch_fits_a_block(world, now):
    """256 accumulators of twelve legs, placed and settled in a block of 30 million gas each."""
    names = [f"Home {i} v Away {i}, 2025-05-25" for i in range(12)]
    start_s = now + 3_600
    games = [make_market(starts_at_s=start_s, name=name) for name in names]
    picks = [Pick(game, 0, 10_100, name) for game, name in zip(games, names, strict=True)]
    bettors = [world.stranger(number) for number in range(4)]
    signed = [
        world.sign(bettors[n % 4], *picks, accepted_at_s=now, nonce=1 + n // 4, stake_micro=100)
        for n in range(256)
    ]
    number, batch, skips = world.place(*signed)
    assert not skips
    assert len(batch.records) == 256
    world.travel_to(start_s + 7_200)
    world.publish_final(*(won_at_home(game) for game in games))
    assert len(payouts(world.settle(number, batch))) == 256


@pytest.mark.parametrize("kind", [Kind.MATCH_RESULT, Kind.DOUBLE_CHANCE])
@pytest.mark.parametrize("units", permutations((1, 2, 3)))
def test_locked_covers_the_outcome_that_is_owed_most(world, alice, now, kind, units):
    """In whichever order the outcomes are owed more. Once the first bet is settled, nothing is
    locked, and the others are owed what they pay."""
    market = make_market(kind, starts_at_s=now + 3_600)

    def signed(outcome, stake, nonce):
        pick = Pick(market, outcome, 50_000)
        return world.sign(alice, pick, stake_micro=stake, accepted_at_s=now, nonce=nonce)

    def locked(stakes):
        exposure = Exposure(*(5 * stake for stake in stakes), sum(stakes))
        return locked_micro(market.pack(), exposure)

    stakes = [unit * UNIT for unit in units]
    first = world.place(*(signed(i, stake, i + 1) for i, stake in enumerate(stakes)))
    assert world.book()["locked_micro"] == locked(stakes)
    second = world.place(signed(0, 7, 4))
    assert world.book()["locked_micro"] == locked([stakes[0] + 7, *stakes[1:]])

    world.travel_to(market.starts_at_s + 7_200)
    world.publish_final(score(1, 0, market.starts_at_s + 7_000))
    world.settle(second.number, second.batch)
    wins = [earned == WON for earned in earns(kind, 0, 1, 0)]
    for bet in range(3):
        still = [5 * stake for stake, won in list(zip(stakes, wins, strict=True))[bet:] if won]
        book = world.book()
        assert (book["locked_micro"], book["owed_micro"]) == (0, sum(still))
        world.settle(first.number, first.batch, bet, 1)
    assert world.book()["owed_micro"] == 0
