"""The most that the house lets be locked, what it keeps free for receipts, and how that changes.

a market's or a fixture's cap
├── leaves out a bet that locks one unit more, and takes one that locks as much
├── counts a fixture's markets together, and not those of another fixture
├── counts what bets on the other side take away, and what was cashed out
├── lowered below what is locked, lets in only what lowers it
└── is asked by placeBatch and placeQuoted, not by enforce
the accumulators' cap
├── counts what all of them lock, of any batch, and no single bet
├── counts those of receipts, and lets receipts in
└── has capacity again when one is settled or cashed out
the reserve
├── is left free by batches, quotes and withdrawals, to the unit
└── is used by receipts (test_enforce.py) and left by cash-outs (test_cash_out.py)
proposeLimits
├── belongs to the owner, changes nothing yet, and says from when on
└── replaces what was proposed before
applyLimits
├── works from NOTICE to twice NOTICE later, by anybody, once
└── reverts before that, after that, and for other limits
lockedOf
└── is the sum over the fixture's markets while there is no result
"""

from __future__ import annotations

import pytest
from brownie import accounts

from protocol.market_id import Kind
from protocol.placed_event import SkipReason
from tests.contracts.world import reverts
from tests.support.batches import pack_unsigned
from tests.support.deployment import Limits
from tests.support.signing import quote_of, score
from tests.support.slips import OTHER_NAME, Pick, make_market, pick_elsewhere
from tests.support.terms import NO_CAP, NOTICE_S, UNIT, VOID_AFTER_S

DAY_S = 86_400


@pytest.fixture
def match(now):
    """The match result of a fixture that starts in a day, when a notice is over."""
    return make_market(starts_at_s=now + DAY_S)


@pytest.fixture
def elsewhere(now):
    """An even pick on another fixture."""
    return pick_elsewhere(now + DAY_S)


@pytest.fixture
def bet(world, alice):
    """Places a bet of Alice's at even odds; the reason when it is left out."""
    placed = []

    def place(*picks, stake_micro=UNIT, bettor=alice):
        signed = world.sign(
            bettor,
            *picks,
            stake_micro=stake_micro,
            accepted_at_s=world.clock(),
            nonce=1 + len(placed),
        )
        said = world.place(signed)
        if said.skips:
            return said.skips[0].reason
        placed.append(said)
        return None

    return place


# -- A market's and a fixture's cap


def test_market_is_capped_to_the_unit(world, match, bet):
    world.set_limits(market_cap_micro=2 * UNIT)
    assert bet(Pick(match, 0), stake_micro=2 * UNIT + 1) is SkipReason.CAP_EXCEEDED
    assert bet(Pick(match, 0)) is None
    assert bet(Pick(match, 0), stake_micro=UNIT + 1) is SkipReason.CAP_EXCEEDED
    assert bet(Pick(match, 0)) is None
    # The other side takes from what the market locks.
    assert bet(Pick(match, 2), stake_micro=3 * UNIT) is None
    assert bet(Pick(match, 0), stake_micro=3 * UNIT) is None


def test_plain_slips_of_one_batch_fill_a_cap_together(world, alice, match):
    world.set_limits(market_cap_micro=2 * UNIT)
    now = world.clock()
    signed = [
        world.sign(alice, Pick(match, 0), accepted_at_s=now, nonce=nonce) for nonce in range(1, 5)
    ]
    _, batch, skips = world.place(*signed)
    assert [record.nonce for record in batch.records] == [1, 2]
    assert [(s.nonce, s.reason) for s in skips] == [
        (nonce, SkipReason.CAP_EXCEEDED) for nonce in (3, 4)
    ]


def test_fixture_is_capped_over_its_markets(world, match, elsewhere, bet):
    total = make_market(Kind.TOTAL_GOALS, 10, starts_at_s=match.starts_at_s)
    world.set_limits(fixture_cap_micro=2 * UNIT)
    assert bet(Pick(match, 0)) is None
    assert bet(Pick(total, 0)) is None
    assert world.sportsbook.lockedOf(match.fixture) == 2 * UNIT
    assert bet(Pick(total, 0), stake_micro=1) is SkipReason.CAP_EXCEEDED
    assert bet(Pick(match, 0), stake_micro=1) is SkipReason.CAP_EXCEEDED
    assert bet(elsewhere, stake_micro=2 * UNIT) is None
    assert bet(Pick(total, 1)) is None
    assert world.sportsbook.lockedOf(match.fixture) == UNIT
    assert bet(Pick(match, 0)) is None


def test_cap_below_what_is_locked_lets_in_what_lowers_it(world, match, bet):
    assert bet(Pick(match, 0), stake_micro=10 * UNIT) is None
    world.set_limits(market_cap_micro=5 * UNIT)
    assert bet(Pick(match, 0), stake_micro=1) is SkipReason.CAP_EXCEEDED
    assert bet(Pick(match, 2), stake_micro=2 * UNIT) is SkipReason.CAP_EXCEEDED
    assert bet(Pick(match, 2), stake_micro=5 * UNIT) is None
    assert world.book()["locked_micro"] == 5 * UNIT


def test_cashed_out_bet_frees_capacity(world, alice, match, bet):
    world.set_limits(market_cap_micro=2 * UNIT, fixture_cap_micro=2 * UNIT)
    now = world.clock()
    signed = world.sign(alice, Pick(match, 0), stake_micro=2 * UNIT, accepted_at_s=now, nonce=9)
    number, batch, _ = world.place(signed)
    world.ripen()
    assert bet(Pick(match, 0), stake_micro=1) is SkipReason.CAP_EXCEEDED
    world.cash_out(alice, number, batch, stake_micro=UNIT, price_micro=UNIT)
    assert world.sportsbook.lockedOf(match.fixture) == UNIT
    assert bet(Pick(match, 0)) is None
    assert bet(Pick(match, 0), stake_micro=1) is SkipReason.CAP_EXCEEDED


def test_quote_is_capped_and_a_receipt_is_not(world, alice, match):
    world.set_limits(market_cap_micro=0, fixture_cap_micro=0)
    signed = world.sign(alice, Pick(match, 0), accepted_at_s=world.clock())
    assert [skip.reason for skip in world.place(signed).skips] == [SkipReason.CAP_EXCEEDED]
    assert len(world.enforce(signed).batch.records) == 1
    quote = quote_of(Pick(match, 0), deadline_s=2**40 - 1)
    with reverts("SlipRefused", int(SkipReason.CAP_EXCEEDED)):
        world.place_quoted(alice, quote, pack_unsigned(alice, Pick(match, 0), nonce=2))


# -- The accumulators' cap


def accumulators(world):
    return world.book()["accumulators_micro"]


def test_accumulators_share_one_cap(world, match, elsewhere, bet):
    """In version 2 each was capped by itself, so that 200 of them took 200 times the cap."""
    world.set_limits(accumulator_cap_micro=7 * UNIT)
    assert bet(Pick(match, 0), elsewhere) is None
    assert accumulators(world) == 3 * UNIT
    assert bet(Pick(match, 0), stake_micro=50 * UNIT) is None
    assert bet(Pick(match, 0), elsewhere) is None
    third = (7 * UNIT - 6 * UNIT) // 3
    assert bet(Pick(match, 0), elsewhere, stake_micro=third + 1) is SkipReason.CAP_EXCEEDED
    assert bet(Pick(match, 0), elsewhere, stake_micro=third) is None
    assert accumulators(world) == 6 * UNIT + 3 * third
    assert bet(Pick(match, 0), elsewhere, stake_micro=1) is SkipReason.CAP_EXCEEDED
    assert bet(Pick(match, 0)) is None
    assert world.sportsbook.lockedOf(match.fixture) == 51 * UNIT


def test_accumulators_of_one_batch_fill_their_cap_together(world, alice, match, elsewhere):
    world.set_limits(accumulator_cap_micro=6 * UNIT)
    at_s = world.clock()
    signed = [
        world.sign(alice, Pick(match, 0), elsewhere, accepted_at_s=at_s, nonce=nonce)
        for nonce in range(1, 5)
    ]
    _, batch, skips = world.place(*signed)
    assert [record.nonce for record in batch.records] == [1, 2]
    assert [skip.reason for skip in skips] == [SkipReason.CAP_EXCEEDED] * 2


def test_one_accumulator_is_capped_as_a_market_is(world, match, elsewhere, bet):
    world.set_limits(market_cap_micro=3 * UNIT)
    picks = (Pick(match, 0), elsewhere)
    assert bet(*picks, stake_micro=UNIT + 1) is SkipReason.CAP_EXCEEDED
    assert bet(*picks) is None
    assert bet(*picks) is None


def test_receipts_pass_the_accumulators_cap_and_count(world, alice, match, elsewhere, bet):
    world.set_limits(accumulator_cap_micro=4 * UNIT)
    signed = world.sign(
        alice, Pick(match, 0), elsewhere, stake_micro=2 * UNIT, accepted_at_s=world.clock()
    )
    world.enforce(signed)
    assert accumulators(world) == 6 * UNIT
    late = world.sign(alice, Pick(match, 0), elsewhere, accepted_at_s=world.clock(), nonce=2)
    assert [s.reason for s in world.place(late).skips] == [SkipReason.CAP_EXCEEDED]
    quote = quote_of(*(Pick(match, 0), elsewhere), deadline_s=2**40 - 1)
    with reverts("SlipRefused", int(SkipReason.CAP_EXCEEDED)):
        data = pack_unsigned(alice, Pick(match, 0), elsewhere, nonce=2)
        world.place_quoted(alice, quote, data)


@pytest.mark.parametrize("end", ["cash out", "a part", "lost", "won", "void"])
def test_accumulator_that_ends_frees_capacity(world, alice, match, elsewhere, end):
    at_s = world.clock()
    number, batch, _ = world.place(
        world.sign(alice, Pick(match, 0), elsewhere, stake_micro=2 * UNIT, accepted_at_s=at_s)
    )
    assert accumulators(world) == 6 * UNIT
    left = 0
    if end == "cash out":
        world.ripen()
        world.cash_out(alice, number, batch, price_micro=0)
    elif end == "a part":
        world.ripen()
        world.cash_out(alice, number, batch, stake_micro=UNIT, price_micro=0)
        left = 3 * UNIT
    elif end == "void":
        world.travel_to(match.starts_at_s + VOID_AFTER_S + 1)
        world.settle(number, batch)
    else:
        world.travel_to(match.starts_at_s + 7_200)
        home = 1 if end == "won" else 0
        results = [score(home, 0, match.starts_at_s + 7_000)]
        if end == "won":
            results.append(score(1, 0, match.starts_at_s + 7_000, name=OTHER_NAME))
        world.publish_final(*results)
        world.settle(number, batch)
    book = world.book()
    assert (book["accumulators_micro"], book["locked_micro"]) == (left, left)


# -- The reserve


def test_batches_and_quotes_leave_the_reserve(world, alice, match, elsewhere, bet):
    free = world.sportsbook.houseFree()
    world.set_limits(receipt_reserve_micro=free - 5 * UNIT)
    assert bet(Pick(match, 0), stake_micro=2 * UNIT) is None
    too_much = SkipReason.EXPOSURE_EXCEEDED
    assert bet(Pick(match, 0), stake_micro=3 * UNIT + 1) is too_much
    assert bet(Pick(match, 0), elsewhere, stake_micro=UNIT + 1) is too_much
    quote = quote_of(Pick(match, 0), deadline_s=2**40 - 1, max_stake_micro=NO_CAP)

    def quoted(stake_micro):
        data = pack_unsigned(alice, Pick(match, 0), stake_micro=stake_micro, nonce=2)
        world.place_quoted(alice, quote, data)

    with reverts("SlipRefused", int(too_much)):
        quoted(3 * UNIT + 1)
    quoted(3 * UNIT)
    assert world.sportsbook.releasable() == 0
    assert world.sportsbook.houseFree() == free - 5 * UNIT


def test_house_below_its_reserve_takes_what_lowers_it(world, match, bet):
    """As below a cap: nothing that locks more, and whatever locks less or nothing."""
    assert bet(Pick(match, 0), stake_micro=10 * UNIT) is None
    world.set_limits(receipt_reserve_micro=NO_CAP)
    assert world.sportsbook.releasable() == 0
    assert bet(Pick(match, 0), stake_micro=1) is SkipReason.EXPOSURE_EXCEEDED
    # What is locked exceeds what may be locked, so only a bet that brings it below would do.
    assert bet(Pick(match, 2), stake_micro=UNIT) is SkipReason.EXPOSURE_EXCEEDED
    assert bet(Pick(match, 2), stake_micro=10 * UNIT) is None


# -- How limits change


WANTED = Limits(5, 7, 11, 13)


def propose(world, limits, sender=None):
    return world.sportsbook.proposeLimits(limits.arguments(), {"from": sender or world.owner})


def apply_(world, limits):
    return world.sportsbook.applyLimits(limits.arguments(), {"from": accounts[60]})


def test_limits_are_proposed_by_the_owner_and_wait(world):
    before = world.sportsbook.limits()
    assert before == Limits().arguments()
    with reverts("OwnableUnauthorizedAccount", world.operator.address):
        propose(world, WANTED, world.operator)
    tx = propose(world, WANTED)
    said = dict(tx.events["LimitsProposed"])
    assert tuple(said["limits"]) == WANTED.arguments()
    assert said["from"] == tx.timestamp + NOTICE_S
    assert world.sportsbook.limits() == before


def test_limits_are_applied_when_their_notice_is_over(world):
    from_s = propose(world, WANTED).timestamp + NOTICE_S
    world.at(from_s - 1)
    with reverts("LimitsNotProposed", from_s):
        apply_(world, WANTED)
    world.at(from_s)
    tx = apply_(world, WANTED)
    assert tuple(dict(tx.events["LimitsSet"])["limits"]) == WANTED.arguments()
    assert world.sportsbook.limits() == WANTED.arguments()
    with reverts("LimitsNotProposed", 0):
        apply_(world, WANTED)


def test_limits_that_nobody_applies_lapse(world):
    """Else a proposal of years ago could be applied without any notice."""
    from_s = propose(world, WANTED).timestamp + NOTICE_S
    world.at(from_s + NOTICE_S)
    with reverts("LimitsNotProposed", from_s):
        apply_(world, WANTED)
    again_s = propose(world, WANTED).timestamp + NOTICE_S
    world.at(again_s + NOTICE_S - 1)
    apply_(world, WANTED)


@pytest.mark.parametrize("field", range(4))
def test_other_limits_than_the_proposed_are_not_applied(world, field):
    from_s = propose(world, WANTED).timestamp + NOTICE_S
    world.travel_to(from_s)
    other = list(WANTED.arguments())
    other[field] += 1
    with reverts("LimitsNotProposed", from_s):
        apply_(world, Limits(*other))
    apply_(world, WANTED)


def test_later_proposal_replaces_the_first_and_its_notice(world):
    first_s = propose(world, WANTED).timestamp + NOTICE_S
    world.travel_to(first_s)
    other = Limits(1, 2, 3, 4)
    second_s = propose(world, other).timestamp + NOTICE_S
    with reverts("LimitsNotProposed", second_s):
        apply_(world, WANTED)
    with reverts("LimitsNotProposed", second_s):
        apply_(world, other)


def test_limits_of_the_deployment_count_at_once(world):
    book = world.deploy_book(limits=WANTED)
    assert book.limits() == WANTED.arguments()
    with reverts("LimitsNotProposed", 0):
        book.applyLimits(WANTED.arguments(), {"from": world.owner})


def test_limits_leave_the_pause_and_the_term_alone(world):
    """They share a slot."""
    world.sportsbook.pausePlacing(True, {"from": world.guardian})
    world.set_limits(market_cap_micro=1)
    assert world.sportsbook.placingPaused()
    world.sportsbook.pausePlacing(False, {"from": world.owner})
    assert world.sportsbook.limits() == Limits(1).arguments()
    now = world.clock()
    signed = world.sign(
        world.open_account(10), pick_elsewhere(now + DAY_S), stake_micro=1, accepted_at_s=now
    )
    assert not world.place(signed).skips
    assert world.sportsbook.resultOf(signed.picks[0].market.fixture)[-1] == 1
