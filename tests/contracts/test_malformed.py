"""Bytes that are no batch, and amounts at the ends of their fields.

place_batch
├── reverts for bytes cut short or followed by more, at every length
├── reverts for a table that names a market twice or out of order, or a fixture that is not there
├── reverts for a table with a fixture that has no market: it would get a council of which no event
│   tells
├── reverts for a signature length that reaches past the end
└── stays exact at 56 bits: balances, exposure, payouts
"""

import pytest

from protocol.market_id import Kind
from protocol.placed_event import SkipReason
from tests.contracts.events import payouts
from tests.contracts.world import reverts
from tests.support.batches import pack
from tests.support.signing import score
from tests.support.slips import Pick, make_market
from tests.support.terms import MAX_MICRO, UNIT

TABLE = 6 + 37 + 1 + 6
BROKEN = "BatchMalformed|TableMalformed|BatchTooLarge"


@pytest.fixture
def data(world, alice, match, now):
    return pack(world.sign(alice, Pick(match, 0), accepted_at_s=now))


def refuse(world, data, error=BROKEN):
    with reverts(error):
        world.sportsbook.placeBatch.call(data, {"from": world.operator})


def test_place_batch_reverts_for_every_truncation(world, data):
    for length in range(0, len(data), 1 if len(data) < 60 else 3):
        refuse(world, data[:length])


def test_place_batch_reverts_for_anything_behind(world, data):
    for extra in (b"\0", b"\1", data):
        refuse(world, data + extra, "BatchMalformed")


def test_place_batch_reverts_for_lying_counts(world, data):
    refuse(world, data[:TABLE] + b"\0\2" + data[TABLE + 2 :], "BatchMalformed")
    # One leg more or fewer moves all that follows.
    legs = TABLE + 2 + 17
    for count in (0, 2, 12, 255):
        refuse(world, data[:legs] + bytes((count,)) + data[legs + 1 :], "BatchMalformed")


def test_place_batch_reverts_for_lying_tables(world, data):
    refuse(world, data[:5] + b"\2" + data[6:])
    refuse(world, data[:5] + b"\0" + data[6:])
    refuse(world, data[:5] + b"\xff" + data[6:])
    for count in (0, 2, 255):
        refuse(world, data[:43] + bytes((count,)) + data[44:])


def test_place_batch_reverts_for_fixture_that_is_not_there(world, data):
    for index in (1, 255):
        refuse(world, data[:44] + bytes((index,)) + data[45:], "TableMalformed")


def test_place_batch_reverts_for_more_fixtures_than_markets(world, data):
    unused = bytes(37)
    refuse(world, data[:5] + b"\2" + data[6:43] + unused + data[43:], "TableMalformed")


def test_place_batch_reverts_for_fixture_without_a_market(world, alice, match, now):
    total = make_market(Kind.TOTAL_GOALS, 10, starts_at_s=match.starts_at_s)
    data = pack(world.sign(alice, Pick(match, 0), Pick(total, 0), accepted_at_s=now))
    fixture, markets, rest = data[6:43], [data[44:50], data[50:56]], data[56:]

    def table(fixtures, index):
        of_markets = b"".join(bytes((index,)) + market[1:] for market in markets)
        return data[:5] + bytes((len(fixtures),)) + b"".join(fixtures) + b"\2" + of_markets + rest

    assert table([fixture], 0) == data
    start = fixture[32:]
    first, last = (1).to_bytes(16, "big") + bytes(16) + start, b"\xff" * 32 + start
    refuse(world, table([fixture, last], 0), "TableMalformed")
    refuse(world, table([first, fixture], 1), "TableMalformed")
    # The second market is of the fixture after the last.
    beyond = data[:50] + b"\1" + data[51:]
    refuse(world, beyond, "TableMalformed")


def test_place_batch_reverts_for_market_twice(world, data):
    market = data[44:50]
    double = data[:43] + b"\2" + market * 2 + data[50:]
    with reverts("TableMalformed"):
        world.sportsbook.placeBatch.call(double, {"from": world.operator})


def test_place_batch_reverts_for_market_twice_under_two_entries_of_its_fixture(world, data):
    """The tail of the name's hash is no part of the market: two entries are one market."""
    first, market = data[6:43], data[44:50]
    second = bytearray(first)
    second[31] ^= 1
    double = data[:5] + b"\2" + first + bytes(second)
    double += b"\2" + market + b"\1" + market[1:] + data[50:]
    refuse(world, double, "TableMalformed")


def test_place_batch_reverts_for_markets_that_descend(world, alice, match, now):
    total = make_market(Kind.TOTAL_GOALS, 10, starts_at_s=match.starts_at_s)
    data = pack(world.sign(alice, Pick(match, 0), Pick(total, 0), accepted_at_s=now))
    first, second = data[44:50], data[50:56]
    assert (first[1], second[1]) == (Kind.MATCH_RESULT, Kind.TOTAL_GOALS)
    refuse(world, data[:44] + second + first + data[56:], "TableMalformed")


def test_place_batch_reverts_for_signature_that_reaches_past_the_end(world, data):
    at = TABLE + 2 + 24 + 7
    assert data[at : at + 2] == b"\0\0"
    for length in (1, 63, 65, 65_535):
        refuse(world, data[:at] + length.to_bytes(2, "big") + data[at + 2 :], "BatchMalformed")
    # 64 announces a contract wallet's signature of 64 bytes: well formed, and refused.
    data = data[:at] + (64).to_bytes(2, "big") + data[at + 2 :]
    tx = world.sportsbook.placeBatch(data, {"from": world.operator})
    assert bytes(tx.events["BatchPlaced"]["data"])[-1] == SkipReason.SIGNATURE_INVALID


def test_amounts_at_56_bits_stay_exact(world, match, now):
    """House and one bettor share all that the book may hold; the bettor wins it, to the unit."""
    free = MAX_MICRO - world.token.balanceOf(world.sportsbook)
    world.token.mint(world.owner, MAX_MICRO, {"from": world.owner})
    stake = free // 2
    world.bankroll.deposit(free - stake, world.owner, {"from": world.owner})
    rich = world.stranger(3, stake)
    assert world.token.balanceOf(world.sportsbook) == MAX_MICRO
    house = world.sportsbook.house()
    pick = Pick(match, 0, 20_000)
    number, batch, _ = world.place(world.sign(rich, pick, stake_micro=stake, accepted_at_s=now))
    market = int.from_bytes(match.pack(), "big")
    assert world.sportsbook.exposureOf(market) == ((2 * stake, 0, 0), stake)
    assert world.book()["locked_micro"] == stake
    world.travel_to(match.starts_at_s + 7_200)
    world.publish_final(score(1, 0, match.starts_at_s + 7_000))
    assert payouts(world.settle(number, batch)) == {0: 2 * stake}
    assert world.balance(rich) == 2 * stake
    assert world.sportsbook.house() == house - stake
    assert world.sportsbook.accountAt(rich.account)[2:4] == (1, 255)


def test_fullest_market_does_not_spill_between_outcomes(world, match, now):
    """Payouts near 55 bits on all outcomes of one market, next to each other in one slot."""
    free = MAX_MICRO - world.token.balanceOf(world.sportsbook)
    world.token.mint(world.owner, MAX_MICRO, {"from": world.owner})
    stake = free // 4
    world.bankroll.deposit(stake, world.owner, {"from": world.owner})
    rich = world.stranger(4, 3 * stake)
    slips = [
        world.sign(rich, Pick(match, o, 20_000), stake_micro=stake, accepted_at_s=now, nonce=1 + o)
        for o in range(3)
    ]
    number, batch, _ = world.place(*slips)
    assert len(batch.records) == 3
    market = int.from_bytes(match.pack(), "big")
    assert world.sportsbook.exposureOf(market) == ((2 * stake,) * 3, 3 * stake)
    assert world.book()["locked_micro"] == 0
    world.travel_to(match.starts_at_s + 7_200)
    world.publish_final(score(0, 0, match.starts_at_s + 7_000))
    assert payouts(world.settle(number, batch, 1, 2)) == {1: 2 * stake}
    assert world.sportsbook.exposureOf(market) == ((2 * stake, 0, 0), stake)
    world.settle(number, batch, 0, 1)
    assert world.sportsbook.exposureOf(market) == ((0, 0, 0), 0)


def test_dust_pays_nothing_above_the_formula(world, alice, match, now):
    """A stake of one unit at 1.9999 pays one unit: rounding favours the house."""
    number, batch, _ = world.place(
        world.sign(alice, Pick(match, 0, 19_999), stake_micro=1, accepted_at_s=now)
    )
    before = world.balance(alice)
    assert world.book()["locked_micro"] == 0
    world.travel_to(match.starts_at_s + 7_200)
    world.publish_final(score(1, 0, match.starts_at_s + 7_000))
    assert payouts(world.settle(number, batch)) == {0: 1}
    assert world.balance(alice) == before + 1 < before + UNIT
