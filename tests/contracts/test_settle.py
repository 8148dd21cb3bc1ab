"""Runs, proofs and what settling does to the book.

settle
├── pays winners, nothing to losers, and clears a batch that is settled whole
├── settles any run, in any order, several runs and batches in one transaction
├── pays a bet once, whether a run comes twice in one transaction, or later, or overlapping
├── leaves bets alone that are not decided, and takes them later
├── reverts when there is nothing to settle: unknown batch, all settled, nothing decided
├── reverts for a run that is not of the batch: records, table, number, order, proof, none
├── gives the exposure back to the last unit
└── lets the house win and lose what the bettors lose and win
"""

import pytest
from brownie import accounts

from indexer.market_id import Kind
from tests.contracts.world import (
    BANKROLL_MICRO,
    DEPOSIT_MICRO,
    UNIT,
    Pick,
    payouts,
    reverts,
    run,
    score,
    settled_bets,
)

OTHER = "Leeds v Hull, 2025-05-25"


@pytest.fixture
def seven(world, alice, match, now):
    """A batch of seven bets: alice's on home, draw, away in turn at 2, 3, 4."""
    slips = [
        world.sign(
            alice,
            Pick(match, i % 3, 20_000 + 10_000 * (i % 3)),
            stake_micro=10 + i,
            accepted_at_s=now,
            nonce=1 + i,
        )
        for i in range(7)
    ]
    return world.place(*slips)


def end(world, match, home=1, away=0):
    world.travel_to(match.starts_at_s + 7_200)
    world.publish_final(score(home, away, match.starts_at_s + 7_000))


def test_settle_pays_and_clears(world, alice, seven, match):
    number, batch = seven
    before = world.balance(alice)
    end(world, match)
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
        "open_stakes_micro": 0,
        "locked_micro": 0,
        "batch_count": 0,
        "paused": False,
    }


def test_settle_needs_no_role(world, seven, match):
    number, batch = seven
    end(world, match)
    world.sportsbook.settle([run(number, batch)], {"from": accounts[30]})


def test_settle_goes_on_while_paused(world, seven, match):
    number, batch = seven
    world.sportsbook.pausePlacing(True, {"from": world.guardian})
    end(world, match)
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
    number, batch = seven
    before = world.balance(alice)
    end(world, match)
    made = [run(number, batch, first, bets) for first, bets in runs]
    if at_once:
        world.sportsbook.settle(made, {"from": world.owner})
    else:
        for one in made:
            world.sportsbook.settle([one], {"from": world.owner})
    assert world.balance(alice) == before + 78
    assert int(str(world.sportsbook.batches(number)), 16) == 0
    assert world.sportsbook.settledBits(number) == 0
    assert world.book()["locked_micro"] == world.book()["open_stakes_micro"] == 0


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
    end(world, match)
    for number, batch in batches:
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
    end(world, match)
    tx = world.sportsbook.settle([run(n, b) for n, b in made], {"from": world.owner})
    assert len(tx.events["BatchSettled"]) == 4
    assert world.balance(alice) == world.balance(bob) == DEPOSIT_MICRO


def test_settle_twice_pays_once(world, alice, seven, match):
    number, batch = seven
    before = world.balance(alice)
    end(world, match)
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
    later = world.market(starts_at_s=match.starts_at_s + 86_400, name=OTHER)
    number, batch, _ = world.place(
        world.sign(alice, Pick(match, 0), accepted_at_s=now, nonce=1),
        world.sign(alice, Pick(later, 0, name=OTHER), accepted_at_s=now, nonce=2),
        world.sign(alice, Pick(match, 0), Pick(later, 0, name=OTHER), accepted_at_s=now, nonce=3),
    )
    with reverts("NothingToSettle"):
        world.settle(number, batch)
    end(world, match)
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


def test_settle_reverts_before_result_is_final(world, seven, match):
    number, batch = seven
    world.travel_to(match.starts_at_s + 7_200)
    published = world.publish(score(1, 0, match.starts_at_s + 7_000))
    world.travel_to(published.events["ResultPublished"]["finalAt"] - 5)
    with reverts("NothingToSettle"):
        world.settle(number, batch)
    world.at(published.events["ResultPublished"]["finalAt"])
    assert len(settled_bets(world.settle(number, batch))) == 7


def test_settle_reverts_for_unknown_batch_and_no_runs(world, seven, match):
    number, batch = seven
    end(world, match)
    with reverts("NothingToSettle"):
        world.settle(number + 1, batch)
    with reverts("NothingToSettle"):
        world.sportsbook.settle([], {"from": world.owner})


def test_settle_reverts_for_foreign_runs(world, seven, match):
    number, batch = seven
    end(world, match)
    _, first, table, records, proof = run(number, batch, 1, 2)
    size = len(batch.record_bytes[0])
    richer = bytearray(records)
    richer[14] ^= 0xFF
    swapped = records[size:] + records[:size]
    late_table = bytes(table[:4]) + bytes((table[4] ^ 1,)) + table[5:]
    foreign = [
        (number, first, table, bytes(richer), proof),
        (number, first, table, swapped, proof),
        (number, first + 1, table, records, proof),
        (number, first + 2, table, records, proof),
        (number, first, late_table, records, proof),
        (number, first, table + b"\0", records, proof),
        (number, first, table, records + b"\0" * 24, proof),
        (number, first, table, records[:-1], proof),
        (number, first, table, records[:size], proof),
        (number, 7, table, records, proof),
        (number, 2**256 - 1, table, records, proof),
        (number, first, table, records, [proof[1], proof[0], *proof[2:]]),
    ]
    for bad in foreign:
        with reverts("RunNotOfBatch|ProofInvalid"):
            world.sportsbook.settle.call([bad], {"from": world.owner})
    for proof_ in ([], proof[:-1], [*proof, proof[0]]):
        with reverts("ProofInvalid"):
            world.sportsbook.settle.call(
                [(number, first, table, records, proof_)], {"from": world.owner}
            )
    with reverts("ProofInvalid"):
        world.sportsbook.settle.call([(number, first, table, b"", proof)], {"from": world.owner})
    with reverts("RunNotOfBatch", number):
        thirteen = records[:17] + bytes((13,)) + records[18:]
        world.sportsbook.settle.call(
            [(number, first, table, thirteen, proof)], {"from": world.owner}
        )


def test_settle_moves_house_by_what_bettors_win(world, alice, bob, match, now):
    total = world.market(Kind.TOTAL_GOALS, 10, starts_at_s=match.starts_at_s)
    number, batch, _ = world.place(
        world.sign(alice, Pick(match, 0, 17_500), stake_micro=101, accepted_at_s=now, nonce=1),
        world.sign(bob, Pick(total, 0, 29_999), stake_micro=77, accepted_at_s=now, nonce=1),
    )
    end(world, match, 1, 0)
    world.settle(number, batch)
    won = 101 * 17_500 // 10_000
    assert world.sportsbook.house() == BANKROLL_MICRO + 178 - won
    assert world.sportsbook.houseFree() == world.sportsbook.house()
    held = world.token.balanceOf(world.sportsbook)
    assert held == world.balance(alice) + world.balance(bob) + world.sportsbook.house()


def test_settle_of_winners_alone_keeps_the_house_able_to_pay(world, alice, bob, match, now):
    """Losers' stakes that winners were paid from still count as open until they are settled."""
    stake = 500 * UNIT
    number, batch, _ = world.place(
        world.sign(alice, Pick(match, 0), stake_micro=stake, accepted_at_s=now, nonce=1),
        world.sign(bob, Pick(match, 2), stake_micro=stake, accepted_at_s=now, nonce=1),
    )
    assert world.book()["locked_micro"] == 0
    world.bankroll.withdraw(BANKROLL_MICRO, world.owner, world.owner, {"from": world.owner})
    assert world.sportsbook.house() == 0
    end(world, match)
    world.settle(number, batch, 0, 1)
    assert world.balance(alice) == DEPOSIT_MICRO + stake
    assert world.sportsbook.house() == world.sportsbook.houseFree() == 0
    world.settle(number, batch, 1, 1)
    assert world.book() | {"batch_count": 0} == {
        "pool_micro": 0,
        "open_stakes_micro": 0,
        "locked_micro": 0,
        "batch_count": 0,
        "paused": False,
    }
