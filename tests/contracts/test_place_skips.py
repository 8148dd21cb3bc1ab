"""Every reason for which a slip is left out of a batch, each provoked next to its edge.

place_batch, given a slip
├── of an account that is not there: AccountUnknown
├── with another signature: SignatureInvalid (and test_signatures.py)
├── with a used nonce: NonceUsed, and with one too far ahead: NonceTooFar (and test_place.py)
├── with a nonce that its owner cancelled: NonceCancelled (and test_cancellation.py)
├── accepted after its deadline: SlipExpired
├── above the balance: BalanceInsufficient
├── below its minimum odds, single or accumulator: OddsBelowMinimum
├── on a market or outcome that the contract does not know: MarketUnknown
├── accepted at or after the start, before the match: MarketClosed; in play it is placed, as long as
│   the market is not void
├── on a fixture that has a result, also if it was accepted before: MarketClosed
├── accepted in the future or before the operator's window: AcceptanceOutsideWindow
├── with a stake of 0 or of more than 56 bits: StakeInvalid
├── that the bankroll could not pay: ExposureExceeded
├── whose payout takes more than 56 bits: PayoutTooLarge
├── at odds of 1 or less: OddsInvalid
├── of an account that its owner shut to bets: Excluded (and the tests of exclusion)
├── with no legs or more than 12, or with two on one fixture: LegsInvalid
└── above the cap of its market or fixture: CapExceeded (and test_limits.py)
place_batch, given a fixture that starts beyond the horizon
└── reverts with StartTooFar
"""

from dataclasses import replace

import pytest
from eth_utils.crypto import keccak

from protocol.batch_call import Table, pack_batch
from protocol.market_id import Kind, MarketId, Period, fixture_name_hash
from protocol.placed_event import SkipReason
from protocol.records import LegRecord
from protocol.signatures import compact, sign
from protocol.typed_data import SLIP_TYPE, Leg
from tests.contracts.world import reverts
from tests.support.batches import entry, pack, pack_unsigned
from tests.support.signing import quote_of, score
from tests.support.slips import NAME, Pick, make_market, pick_elsewhere
from tests.support.terms import (
    BANKROLL_MICRO,
    BATCH_WINDOW_S,
    DEPOSIT_MICRO,
    HORIZON_S,
    MAX_MICRO,
    RECEIPT_BUDGET_MICRO,
    UNIT,
    VOID_AFTER_S,
)


def reason(world, *signed, **options):
    """Why the last slip was skipped; None when all were placed. Nothing else has changed then."""
    before = world.book()
    _, batch, skips = world.place(*signed, **options)
    if not batch.records:
        after = world.book()
        assert after == before | {"batch_count": before["batch_count"] + 1}
    return skips[-1].reason if skips else None


def raw_reason(world, signed, table=None, **changes):
    """Why a slip was skipped whose record was changed behind its signature."""
    table = table or Table.build(
        signed.accepted_at_s, [(fixture_name_hash(p.name), p.market) for p in signed.picks]
    )
    whole = entry(signed, table)
    data = pack_batch(table, [replace(whole, record=replace(whole.record, **changes))])
    _, batch, skips = world.send_batch(data)
    assert not batch.records
    return skips[0].reason


def test_place_batch_skips_account_unknown(world, alice, match, now):
    for account in (0, alice.account + 1, 2**32 - 1):
        stranger = replace(alice, account=account)
        signed = world.sign(stranger, Pick(match, 0), accepted_at_s=now)
        assert reason(world, signed) is SkipReason.ACCOUNT_UNKNOWN


def test_place_batch_skips_signature_invalid_for_any_changed_term(world, alice, bob, match, now):
    signed = world.sign(alice, Pick(match, 0), accepted_at_s=now, nonce=3)
    changes = [
        {"account": bob.account},
        {"nonce": 4},
        {"stake_micro": UNIT + 1},
        {"legs": (LegRecord(0, 1, 20_000),)},
    ]
    for change in changes:
        assert raw_reason(world, signed, **change) is SkipReason.SIGNATURE_INVALID
    others = [
        replace(signed, slip=replace(signed.slip, min_odds_e4=10_002)),
        replace(signed, slip=replace(signed.slip, deadline_s=signed.slip.deadline_s + 1)),
    ]
    for other in others:
        assert reason(world, other) is SkipReason.SIGNATURE_INVALID
    # A name whose hash has the fixture's id as its head and another tail.
    data = bytearray(pack(signed))
    data[6 + 31] ^= 1
    _, _, skips = world.send_batch(bytes(data))
    assert [s.reason for s in skips] == [SkipReason.SIGNATURE_INVALID]
    assert reason(world, signed) is None


def test_place_batch_skips_signature_invalid_for_another_market(world, alice, match, now):
    signed = world.sign(alice, Pick(match, 0), accepted_at_s=now)
    others = [
        replace(match, starts_at_s=match.starts_at_s + 1),
        replace(match, in_play=True),
        replace(match, period=Period.FIRST_HALF),
        replace(match, kind=Kind.DOUBLE_CHANCE),
        replace(match, kind=Kind.EUROPEAN_HANDICAP),
    ]
    for other in others:
        changed = replace(signed, picks=(Pick(other, 0),))
        assert reason(world, changed) is SkipReason.SIGNATURE_INVALID


def test_place_batch_skips_nonce_used(world, alice, match, now):
    signed = world.sign(alice, Pick(match, 0), accepted_at_s=now)
    assert reason(world, signed) is None
    assert reason(world, signed) is SkipReason.NONCE_USED


def test_place_batch_skips_slip_expired_one_second_after_deadline(world, alice, match, now):
    accepted = now - 10
    late = world.sign(
        alice, Pick(match, 0), accepted_at_s=accepted, deadline_s=accepted - 1, nonce=1
    )
    assert reason(world, late, base_s=accepted - 50) is SkipReason.SLIP_EXPIRED
    just = world.sign(alice, Pick(match, 0), accepted_at_s=accepted, deadline_s=accepted, nonce=2)
    assert reason(world, just) is None


def test_place_batch_skips_balance_insufficient_by_one(world, alice, match, now):
    over = world.sign(alice, Pick(match, 0), stake_micro=DEPOSIT_MICRO + 1, accepted_at_s=now)
    assert reason(world, over) is SkipReason.BALANCE_INSUFFICIENT
    all_of_it = world.sign(alice, Pick(match, 0), stake_micro=DEPOSIT_MICRO, accepted_at_s=now)
    more = world.sign(alice, Pick(match, 0), stake_micro=1, accepted_at_s=now, nonce=2)
    assert reason(world, all_of_it, more) is SkipReason.BALANCE_INSUFFICIENT
    assert world.balance(alice) == 0


def test_place_batch_skips_odds_below_minimum(world, alice, match, now):
    pick = Pick(match, 0, 19_999)
    low = world.sign(alice, pick, accepted_at_s=now, min_odds_e4=20_000)
    assert reason(world, low) is SkipReason.ODDS_BELOW_MINIMUM
    exact = world.sign(alice, pick, accepted_at_s=now, min_odds_e4=19_999)
    assert reason(world, exact) is None


def test_place_batch_skips_accumulator_whose_product_is_below_minimum(world, alice, match, now):
    picks = (Pick(match, 0, 15_000), pick_elsewhere(now + 3_600, 1, 15_001))  # 2.25015
    low = world.sign(alice, *picks, accepted_at_s=now, min_odds_e4=22_502)
    assert reason(world, low) is SkipReason.ODDS_BELOW_MINIMUM
    exact = world.sign(alice, *picks, accepted_at_s=now, min_odds_e4=22_501)
    assert reason(world, exact) is None


@pytest.mark.parametrize(
    "terms",
    [
        bytes((0, 0, 0, 0, 0)),
        bytes((14, 0, 0, 0, 0)),  # no such kind
        bytes((255, 0, 0, 0, 0)),
        bytes((14, 0, 0, 4, 0)),
        bytes((1, 3, 0, 0, 0)),  # no such period
        bytes((1, 0, 0, 4, 0)),  # a line where there is none
        bytes((4, 0, 0, 0, 0)),  # a total of nothing
        bytes((4, 0, 255, 254, 0)),  # a negative total
        bytes((8, 0, 0, 2, 0)),  # a European handicap of half a goal
        bytes((10, 0, 0, 0, 0)),  # a correct score of no goals
        bytes((10, 0, 0, 2, 0)),  # of half a goal
        bytes((10, 0, 255, 252, 0)),  # of less than none
        bytes((10, 0, 0, 40, 0)),  # of ten
        bytes((12, 0, 0, 40, 0)),  # a margin of ten
        bytes((13, 1, 0, 0, 0)),  # a proposition about the first half
        bytes((13, 0, 0, 4, 0)),  # or with a line
        bytes((1, 0, 0, 0, 2)),  # an unknown flag
    ],
)
def test_place_batch_skips_market_that_contract_does_not_know(world, alice, match, now, terms):
    data = pack(world.sign(alice, Pick(match, 0), accepted_at_s=now))
    at = 6 + 37 + 1 + 1
    tx = world.sportsbook.placeBatch(data[:at] + terms + data[at + 5 :], {"from": world.operator})
    assert bytes(tx.events["BatchPlaced"]["data"])[-1] == SkipReason.MARKET_UNKNOWN


def test_place_batch_skips_outcome_or_index_that_is_not_there(world, alice, match, now):
    signed = world.sign(alice, Pick(match, 0), accepted_at_s=now)
    for leg in (LegRecord(0, 3, 20_000), LegRecord(1, 0, 20_000), LegRecord(255, 255, 20_000)):
        assert raw_reason(world, signed, legs=(leg,)) is SkipReason.MARKET_UNKNOWN
    total = make_market(Kind.TOTAL_GOALS, 10, starts_at_s=match.starts_at_s)
    signed = world.sign(alice, Pick(total, 0), accepted_at_s=now)
    third = (LegRecord(0, 2, 20_000),)
    assert raw_reason(world, signed, legs=third) is SkipReason.MARKET_UNKNOWN


def test_place_batch_skips_outcome_that_is_not_there_though_signed_as_nothing(
    world, alice, match, now
):
    """What a market without a third outcome has in its place must be nothing to sign."""
    total = make_market(Kind.TOTAL_GOALS, 10, starts_at_s=match.starts_at_s)
    signed = world.sign(alice, Pick(total, 0), accepted_at_s=now)
    words = (alice.account, UNIT, 10_001, 1, signed.slip.deadline_s)
    struct = keccak(text=SLIP_TYPE) + b"".join(word.to_bytes(32, "big") for word in words)
    for nothing in (bytes(32), keccak(bytes(32)), keccak(b"")):
        signature = compact(sign(world.domain.digest(keccak(struct + nothing)), alice.key))
        forged = replace(signed, signature=signature)
        third = (LegRecord(0, 2, 20_000),)
        assert raw_reason(world, forged, legs=third) is SkipReason.MARKET_UNKNOWN


def test_place_batch_skips_market_closed_from_start_on(world, alice, now):
    def on(start, nonce, in_play=False):
        market = make_market(starts_at_s=start, in_play=in_play)
        return world.sign(alice, Pick(market, 0), accepted_at_s=now, nonce=nonce)

    assert reason(world, on(now, 1)) is SkipReason.MARKET_CLOSED
    assert reason(world, on(now - 100, 1)) is SkipReason.MARKET_CLOSED
    assert reason(world, on(now + 1, 1)) is None
    assert reason(world, on(now - 100, 2, in_play=True)) is None


def test_place_batch_skips_accumulator_with_one_market_closed(world, alice, match, now):
    begun = make_market(starts_at_s=now, name="A v B, 2025-05-25")
    picks = (Pick(match, 0), Pick(begun, 0, name="A v B, 2025-05-25"))
    signed = world.sign(alice, *picks, accepted_at_s=now)
    assert reason(world, signed) is SkipReason.MARKET_CLOSED


def test_place_batch_skips_acceptance_in_the_future(world, alice, match, now):
    ahead = world.sign(alice, Pick(match, 0), accepted_at_s=now + 3_000)
    assert reason(world, ahead) is SkipReason.ACCEPTANCE_OUTSIDE_WINDOW


def test_place_batch_skips_in_play_market_once_it_is_void(world, alice, now):
    """A week after the start without a result every bet would only come back."""

    def on(start, nonce):
        market = make_market(starts_at_s=start, in_play=True)
        return world.sign(alice, Pick(market, 0), accepted_at_s=now, nonce=nonce)

    assert reason(world, on(now - VOID_AFTER_S, 1)) is SkipReason.MARKET_CLOSED
    assert reason(world, on(now - VOID_AFTER_S + 1, 1)) is None


@pytest.mark.parametrize("in_play", [False, True])
@pytest.mark.parametrize("legs", [1, 2])
def test_place_batch_skips_fixture_that_has_a_result(world, alice, now, in_play, legs):
    """Also what was accepted before: the operator knows how it ended."""
    market = make_market(starts_at_s=now + 50, in_play=in_play)
    picks = (Pick(market, 0), pick_elsewhere(now + 3_600))[:legs]
    before = world.sign(alice, *picks, accepted_at_s=now, nonce=1)
    late = world.sign(alice, *picks, accepted_at_s=now, nonce=2)
    world.travel_to(now + 90)
    assert reason(world, before) is None
    world.publish(score(1, 0, now + 80))
    assert reason(world, late) is SkipReason.MARKET_CLOSED
    # Other fixtures stay open.
    other = world.sign(alice, pick_elsewhere(now + 3_600), accepted_at_s=now, nonce=2)
    assert reason(world, other) is None


def test_place_batch_reverts_for_a_start_beyond_the_horizon(world, alice, now):
    """Its bets would lock the bankroll for as long as nobody publishes a result."""
    for in_play in (False, True):
        far = make_market(starts_at_s=now + HORIZON_S + 11, in_play=in_play)
        signed = world.sign(alice, Pick(far, 0), accepted_at_s=now)
        world.at(world.clock() + 1)
        latest_s = world.clock() + 1 + HORIZON_S
        with reverts("StartTooFar", far.starts_at_s, latest_s):
            world.place(signed)
    world.at(now + 11)
    assert reason(world, signed) is None


def test_quote_and_receipt_revert_for_a_start_beyond_the_horizon(world, alice, now):
    far = make_market(starts_at_s=2**40 - 1)
    signed = world.sign(alice, Pick(far, 0), accepted_at_s=now)
    with reverts("StartTooFar"):
        world.enforce(signed)
    quote = quote_of(Pick(far, 0), deadline_s=2**40 - 1)
    with reverts("StartTooFar"):
        world.place_quoted(alice, quote, pack_unsigned(alice, Pick(far, 0)))


def test_place_batch_skips_acceptance_older_than_window(world, alice, match, now):
    signed = world.sign(alice, Pick(match, 0), accepted_at_s=now)
    late = world.sign(alice, Pick(match, 0), accepted_at_s=now - 1, nonce=2)
    world.at(now + BATCH_WINDOW_S)
    _, batch, skips = world.place(signed, late)
    assert [s.reason for s in skips] == [SkipReason.ACCEPTANCE_OUTSIDE_WINDOW]
    assert [r.nonce for r in batch.records] == [1]


def test_place_batch_skips_stake_invalid(world, alice, match, now):
    for stake in (0, MAX_MICRO + 1, 2**64 - 1):
        signed = world.sign(alice, Pick(match, 0), stake_micro=stake, accepted_at_s=now)
        assert reason(world, signed) is SkipReason.STAKE_INVALID


def test_place_batch_skips_exposure_exceeded_by_one(world, match, now):
    """Of what is free beyond the receipts' reserve."""
    rich = world.stranger(1, 2 * BANKROLL_MICRO)
    most = BANKROLL_MICRO - RECEIPT_BUDGET_MICRO

    def bet(stake, nonce, outcome=0):
        pick = Pick(match, outcome, 20_000)
        return world.sign(rich, pick, stake_micro=stake, accepted_at_s=now, nonce=nonce)

    assert reason(world, bet(most + 1, 1)) is SkipReason.EXPOSURE_EXCEEDED
    assert reason(world, bet(most, 1), bet(1, 2)) is SkipReason.EXPOSURE_EXCEEDED
    # A bet on the other side takes nothing from the bankroll, and frees capacity.
    assert reason(world, bet(2, 3, outcome=1), bet(2, 4)) is None


def test_place_batch_skips_accumulator_that_bankroll_could_not_pay(world, match, now):
    rich = world.stranger(1)
    picks = (Pick(match, 0, 400_000), pick_elsewhere(now + 3_600, 0, 300_000))  # 1,200
    stake = (BANKROLL_MICRO - RECEIPT_BUDGET_MICRO) // 1_199
    over = world.sign(rich, *picks, stake_micro=stake + 1, accepted_at_s=now)
    assert reason(world, over) is SkipReason.EXPOSURE_EXCEEDED
    assert reason(world, world.sign(rich, *picks, stake_micro=stake, accepted_at_s=now)) is None


def test_place_batch_skips_payout_too_large(world, alice, match, now):
    names = [f"A{i} v B{i}, 2025-05-25" for i in range(12)]
    picks = [
        Pick(make_market(starts_at_s=match.starts_at_s, name=n), 0, 2**32 - 1, n) for n in names
    ]
    for legs in (picks, picks[:3]):
        signed = world.sign(alice, *legs, stake_micro=DEPOSIT_MICRO, accepted_at_s=now)
        assert reason(world, signed) is SkipReason.PAYOUT_TOO_LARGE


def test_place_batch_skips_odds_invalid(world, alice, match, now):
    for odds in (0, 1, 10_000):
        signed = world.sign(alice, Pick(match, 0, odds), accepted_at_s=now, min_odds_e4=0)
        assert reason(world, signed) is SkipReason.ODDS_INVALID
    least = world.sign(alice, Pick(match, 0, 10_001), accepted_at_s=now)
    assert reason(world, least) is None


def test_place_batch_skips_legs_invalid(world, alice, match, now):
    signed = world.sign(alice, Pick(match, 0), accepted_at_s=now)
    assert raw_reason(world, signed, legs=()) is SkipReason.LEGS_INVALID
    thirteen = (LegRecord(0, 0, 10_001),) * 13
    assert raw_reason(world, signed, legs=thirteen) is SkipReason.LEGS_INVALID
    many = (LegRecord(0, 0, 10_001),) * 255
    assert raw_reason(world, signed, legs=many) is SkipReason.LEGS_INVALID


@pytest.mark.parametrize(
    "second",
    [
        {},
        {"kind": Kind.TOTAL_GOALS, "line_q": 10},
        {"period": Period.FIRST_HALF},
        {"in_play": True},
    ],
    ids=["same leg", "other market", "other period", "in play"],
)
def test_place_batch_skips_two_legs_on_one_fixture(world, alice, match, now, second):
    """They depend on each other: their odds must not be multiplied. Signed as they are."""
    picks = (Pick(match, 0), Pick(replace(match, **second), 0))
    elsewhere = pick_elsewhere(now + 3_600)
    for legs in (picks, (picks[0], elsewhere, picks[1]), (elsewhere, *picks)):
        signed = world.sign(alice, *legs, accepted_at_s=now)
        assert reason(world, signed) is SkipReason.LEGS_INVALID
    assert reason(world, world.sign(alice, picks[0], elsewhere, accepted_at_s=now)) is None


def test_place_batch_places_twelve_legs(world, alice, match, now):
    names = [f"A{i} v B{i}, 2025-05-25" for i in range(12)]
    picks = [Pick(make_market(starts_at_s=match.starts_at_s, name=n), 1, 12_345, n) for n in names]
    signed = world.sign(alice, *picks, accepted_at_s=now)
    _, batch, _ = world.place(signed)
    assert len(batch.records[0].legs) == 12
    assert world.book()["locked_micro"] == UNIT * 12_345**12 // 10_000**12 - UNIT


def test_names_that_share_nothing_but_the_table_stay_apart(world, alice, match, now):
    """The words that were signed decide, not where in the table a market stands."""
    other = MarketId(match.fixture, match.starts_at_s, Kind.MATCH_RESULT, Period.FIRST_HALF)
    signed = world.sign(alice, Pick(match, 0), accepted_at_s=now)
    table = Table.build(now, [(fixture_name_hash(NAME), m) for m in (match, other)])
    swapped = (LegRecord(1, 0, 20_000),)
    assert raw_reason(world, signed, table, legs=swapped) is SkipReason.SIGNATURE_INVALID
    assert Leg(NAME, match, 0) == signed.slip.legs[0]
