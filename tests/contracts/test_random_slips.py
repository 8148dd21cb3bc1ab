"""Random slips and runs, valid and broken at the edges of every field, against the ledger's model.

place_batch
├── places and skips as the model says: each reason, in the order of the slips
├── leaves accounts, exposures, fixtures and book as the model has them
└── emits and commits to the bets that the model has
settle
├── settles and pays the bets of any runs as the model says, in one transaction or several
├── leaves accounts, exposures and book as the model has them
└── ends with an empty book

Nearly every slip that is placed, and every single bet that is won or lost, takes a fast path
through the contract (PlacingFastPath, SettlingFastPath, in assembly). The slips here differ from
such plain ones by one field or two, so that both paths see the same slips and must agree with one
model: nonces above and below the highest, keys and contract wallets, one leg and several, outcomes
with a place of their own and beyond, markets of all three modes, accounts excluded, with cancelled
nonces and not.
"""

import random

import pytest
from brownie import network

from protocol.placed_event import SkipReason
from tests.contracts.node_state import undone
from tests.contracts.random_draw import EVERY_S, FIRST_S
from tests.contracts.random_house import House
from tests.support.signing import score
from tests.support.terms import VOID_AFTER_S

# Seconds from the first market's start back to the time that records count from.
BACK_S = 700
BATCHES = 3


def rounds():
    """Ganache runs the same code a hundred times slower."""
    return 1 if "ganache" in network.show_active() else 8


def play(world, seed, batches=BATCHES, slips=60):
    """A house with random batches in it; returns it and what became of the slips."""
    dice = random.Random(seed)
    house = House(world, dice, seed)
    counts = {}
    limits = [
        {"market_cap_micro": 40_000, "accumulator_cap_micro": 90_000},
        {"fixture_cap_micro": 60_000, "receipt_reserve_micro": 1},
        {},
    ]
    for number in range(batches):
        now_s = house.begun_at_s + FIRST_S + EVERY_S * number
        house.set_limits(**limits[number % 3])
        if number == 0:
            house.restrict(now_s)
        records, skips = house.place(now_s - BACK_S, now_s, slips)
        counts[None] = counts.get(None, 0) + len(records)
        for skip in skips:
            counts[skip.reason] = counts.get(skip.reason, 0) + 1
    return house, counts


def test_place_batch_equals_model(world):
    """Every reason occurs, and many slips are placed."""
    total = {}
    for seed in range(rounds()):
        with undone():
            _, counts = play(world, seed)
        for reason, count in counts.items():
            total[reason] = total.get(reason, 0) + count
    assert total[None] >= 40 * rounds()
    if rounds() > 1:
        assert set(total) == {None, *SkipReason}


RESULTS = (
    (1, (1, 0, 2, 1)),
    (1, (0, 0, 0, 0)),
    (3, (1, 1, 1, 1)),
    (4, (1, 0, 2, 2)),
    (2, (0, 0, 0, 0)),
    (5, (1, 0, 3, 0)),
    (5, (1, 1, 2, 0)),
    (5, (1, 0, 1, 0)),
)


@pytest.mark.parametrize("seed", range(6))
def test_settle_equals_model(world, seed):
    """Fixture by fixture, runs that overlap, come twice, or come too early."""
    if seed >= rounds():
        pytest.skip("the same code on both chains")
    house, _ = play(world, 1_000 + seed)
    dice = house.dice
    fixtures = list(house.names)
    dice.shuffle(fixtures)
    world.travel_to(house.starts_at_s + 8_000)
    for fixture in fixtures[:-1]:
        status, (home_half, away_half, home, away) = dice.choice(RESULTS)
        if house.names[fixture] == house.match_names[2]:
            status, (home_half, away_half, home, away) = dice.choice(RESULTS[5:])
        # Bets count up to a time between those at which bets in play were accepted.
        between_s = house.begun_at_s + FIRST_S + EVERY_S // 2
        settled_at_s = dice.choice((between_s, house.starts_at_s + 7_000))
        house.publish(
            score(
                home,
                away,
                settled_at_s,
                home_half=home_half,
                away_half=away_half,
                name=house.names[fixture],
                status=status,
            )
        )
        for _ in range(3):
            house.settle(*random_runs(dice, house))
    house.settle(*[(n, 0, len(batch.records)) for n, batch in house.placed.items()])
    world.travel_to(house.starts_at_s + VOID_AFTER_S + 1)
    house.settle(*[(n, 0, len(batch.records)) for n, batch in house.placed.items()])
    assert (house.model.owed, house.model.locked) == (0, 0)
    for number in house.placed:
        assert int(str(world.sportsbook.batches(number)), 16) == 0
        assert world.sportsbook.settledBits(number) == 0


def random_runs(dice, house):
    runs = []
    for _ in range(dice.randint(1, 4)):
        number = dice.choice(list(house.placed))
        width = len(house.placed[number].records)
        first = dice.randrange(width)
        bets = dice.randint(1, width - first)
        if dice.random() < 0.2:
            first, bets = 0, width
        runs.append((number, first, bets))
    return runs
