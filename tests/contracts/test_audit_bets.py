"""Attacks on bets that earn nothing: what an auditor tried who had not seen the contracts.

a bet
├── that is sold in parts of one unit leaves nothing locked, and pays no more than in one piece
├── is not lost early by a result that is disputed
├── at a quote takes no time from its table
└── is signed by no precompile that owns an account
a batch
└── without bets, of markets and times that do not exist, can be read by all who follow the chain
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from indexer.decode.batch_columns import read_columns
from protocol.market_id import Kind, fixture_name_hash
from protocol.placed_event import SkipReason, split_placed
from tests.contracts.attack_checks import holds, reasons
from tests.contracts.events import payouts, placed
from tests.contracts.world import reverts
from tests.support.batches import pack, pack_unsigned
from tests.support.people import key
from tests.support.signing import quote_of, score
from tests.support.slips import NAME, Pick, make_market, pick_elsewhere, with_signature
from tests.support.terms import BANKROLL_MICRO, DEPOSIT_MICRO, DISPUTE_WINDOW_S, UNIT

DAY_S = 86_400
FAR_S = 2**40 - 1


# -- Bets


@pytest.mark.parametrize("kind", [Kind.MATCH_RESULT, Kind.CORRECT_SCORE])
def test_bet_that_is_sold_in_units_leaves_nothing_locked(world, alice, bob, now, kind):
    """Each part's payout is rounded down by itself: five parts of one micro-unit at 1.9999 lock
    less than the bet of five did. What they release is what the bet locked, whether the market nets
    or not, and no part pays more than its own share."""
    line_q = 8 if kind is Kind.CORRECT_SCORE else 0
    market = make_market(kind, line_q, starts_at_s=now + 30 * DAY_S)
    others = world.sign(bob, Pick(market, 1, 30_001), stake_micro=7, accepted_at_s=now)
    signed = world.sign(alice, Pick(market, 0, 19_999), stake_micro=5, accepted_at_s=now)
    world.place(others)
    alone = world.book()
    number, batch, _ = world.place(signed)
    world.ripen()
    for left in (4, 3, 2, 1, 0):
        terms = {"stake_micro": 1, "price_micro": 1}
        with reverts("CashOutTooHigh", 2, 1):
            world.cash_out(alice, number, batch, stake_micro=1, price_micro=2)
        event = world.cash_out(alice, number, batch, **terms).events["CashedOut"]
        assert event["rest"] == left
        holds(world, alice, bob)
        number = event["next"]
        record = replace(batch.records[0], stake_micro=left)
        batch = replace(batch, records=(record,))
    assert number == 0
    book = world.book()
    assert (book["owed_micro"], book["locked_micro"]) == (
        alone["owed_micro"],
        alone["locked_micro"],
    )
    assert world.balance(alice) == DEPOSIT_MICRO


def test_loss_that_is_disputed_settles_no_accumulator(world, alice, now):
    """An accumulator is settled as soon as one leg is lost. A result that the arbiter may still
    replace loses no leg, not even in the second before it is final."""
    match = make_market(starts_at_s=now + 60)
    other = pick_elsewhere(now + 30 * DAY_S, 0, 20_000)
    number, batch, _ = world.place(world.sign(alice, Pick(match, 0), other, accepted_at_s=now))
    world.travel_to(now + 7_200)
    published = world.publish(score(0, 1, now + 7_000))
    world.at(published.timestamp + DISPUTE_WINDOW_S - 1)
    with reverts("NothingToSettle"):
        world.settle(number, batch)


def test_ruling_that_turns_a_loss_keeps_the_accumulator(world, alice, now):
    """The same, when a dispute is ruled: what was published first decides nothing any more."""
    match = make_market(starts_at_s=now + 60)
    other = pick_elsewhere(now + 30 * DAY_S, 0, 20_000)
    number, batch, _ = world.place(world.sign(alice, Pick(match, 0), other, accepted_at_s=now))
    world.travel_to(now + 7_200)
    published = world.publish(score(0, 1, now + 7_000))
    world.dispute()
    world.travel_to(published.timestamp + DISPUTE_WINDOW_S)
    with reverts("NothingToSettle"):
        world.settle(number, batch)
    ruled = world.rule(score(1, 0, now + 7_000))
    world.travel_to(ruled.timestamp + DISPUTE_WINDOW_S)
    with reverts("NothingToSettle"):
        world.settle(number, batch)
    assert world.book()["locked_micro"] == 3 * UNIT


@pytest.mark.parametrize("base_s", [0, 1, FAR_S])
def test_bet_at_a_quote_takes_no_time_from_its_table(world, alice, match, base_s):
    """A quoted bet is accepted in its block. The base time of its table, which nobody signed, would
    date it anywhere, and in play decide whether it counts."""
    home = Pick(match, 0, 25_000)
    data = base_s.to_bytes(5, "big") + pack_unsigned(alice, home)[5:]
    tx = world.place_quoted(alice, quote_of(home, deadline_s=FAR_S), data)
    number, batch, _ = placed(tx)
    assert batch.base_s == tx.timestamp
    world.end_match(match)
    assert payouts(world.settle(number, batch)) == {0: UNIT * 25 // 10}


@pytest.mark.parametrize("precompile", [1, 2, 3, 4, 5, 9])
def test_precompile_signs_nothing(world, now, match, precompile):
    """Anybody may open an account for an address that computes: the identity answers with what it
    is asked, which begins with the selector that means yes."""
    owner = "0x" + f"{precompile:040x}"
    bettor = world.open_for(owner, key(10))
    signed = world.sign(bettor, Pick(match, 0), accepted_at_s=now)
    for length in (1, 32, 64, 65, 128):
        forged = with_signature(signed, bytes(length), contract=True)
        assert reasons(world.place(forged)) == [SkipReason.SIGNATURE_INVALID]
    assert world.balance(bettor) == DEPOSIT_MICRO


# -- Batches


def test_batch_of_what_does_not_exist_can_be_read(world, alice, match, now):
    """An operator may list markets of no kind, and date a batch that places nothing to the year
    36812. It is an event like others to those who follow the chain, and binds no fixture to a
    council."""
    name = fixture_name_hash(NAME)
    kinds = ((0, 0, 0, 0), (14, 0, 0, 0), (255, 255, 2**16 - 1, 255))
    table = b"".join(
        (
            FAR_S.to_bytes(5, "big") + b"\1" + name + match.starts_at_s.to_bytes(5, "big"),
            bytes((len(kinds),)),
            *(
                bytes((0, kind, period)) + line.to_bytes(2, "big") + bytes((flags,))
                for kind, period, line, flags in kinds
            ),
        )
    )
    slip = pack(world.sign(alice, Pick(match, 0), accepted_at_s=now))
    slips = slip[6 + 37 + 1 + 6 :]
    tx = world.sportsbook.placeBatch(table + slips, {"from": world.operator})
    data = bytes(tx.events["BatchPlaced"]["data"])
    parts = split_placed(data)
    assert [skip.reason for skip in parts.skips] == [SkipReason.ACCEPTANCE_OUTSIDE_WINDOW]
    assert len(read_columns([parts]).bets.batch) == 0
    assert world.sportsbook.batches(tx.events["BatchPlaced"]["batch"]) == "0x" + "00" * 32
    assert world.sportsbook.resultOf(match.fixture)[-1] == 0
    assert world.sportsbook.house() == BANKROLL_MICRO
    said = world.place(world.sign(alice, Pick(match, 0), accepted_at_s=now))
    assert len(said.batch.records) == 1
