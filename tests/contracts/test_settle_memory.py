"""Memory that settling reads beside what it means to read.

To prove a whole batch its markets and records are hashed in memory, and stay there: past the
words of the markets, where the payouts are packed afterwards. An operator chooses the markets of a
batch, those that no slip refers to included, and so what lies there.

settle
├── of an outcome whose word would lie past the markets' own, pays what the result says: nothing
│   for a lost bet, nothing for one whose match has not begun
├── of the widest market, pays the one outcome that happened, behind winners and before them
└── never takes bytes of a batch for the fate of a bet whose outcome is above three
"""

import pytest

from protocol.batch_call import Table, TableFixture, TableMarket, pack_batch
from protocol.market_id import Kind, MarketId, Period, fixture_id, fixture_name_hash
from tests.contracts.events import payouts, settled_bets
from tests.support.batches import entry
from tests.support.signing import score
from tests.support.slips import NAME, Pick, make_market
from tests.support.terms import UNIT, VOID_AFTER_S

# Ends in three bytes of zero; with what stands after the newest payout they make 26.
ROUND_PAYOUT_MICRO = 2**24
# Two more, then 01 01 00 08: what settling knows of an outcome from 8 to 11 that won for all bets.
CARRIER_MICRO = 0x01_01_00_08_00
WINNERS = 11
CARRIER = 2
OUTCOME = 10
LATER = "Leeds v Hull, 2025-05-26"

HONEST, ACCOMPLICE = "Sunderland v Everton, 2025-05-25", "Arsenal v Brentford, 2025-05-25"
# "2:2" of the scores up to 2:2.
TWO_ALL, MOST_LINE_Q = 8, 8
# The word that is taken for a fate ends with kind, period and line of a market; that of a bet which
# won with the last byte of the start before them.
FORGED = {"lost": 0, "won": 1}


@pytest.fixture
def five(world, match):
    """Five markets of the match; what is bet on them here wins with a 1:0."""
    starts_at_s = match.starts_at_s
    return [
        match,
        make_market(Kind.DOUBLE_CHANCE, starts_at_s=starts_at_s),
        make_market(Kind.DRAW_NO_BET, starts_at_s=starts_at_s),
        make_market(Kind.TOTAL_GOALS, 2, starts_at_s=starts_at_s),
        make_market(Kind.HOME_TOTAL_GOALS, 2, starts_at_s=starts_at_s),
    ]


@pytest.mark.parametrize(
    ("name", "days", "settled"), [(NAME, 0, True), (LATER, 1, False)], ids=["lost", "not-begun"]
)
def test_settle_pays_nobody_for_bytes_past_the_markets(
    world, alice, match, five, now, name, days, settled
):
    """The word of outcome 10 of the last of six markets would lie among the payouts. There the
    zeros of the eleventh payout meet the third bet's stake, left over from hashing the batch."""
    world.sportsbook.depositFor(alice.address, 10_000 * UNIT, {"from": world.owner})
    before = world.balance(alice)
    stakes = [UNIT] * WINNERS
    stakes[CARRIER] = CARRIER_MICRO
    stakes[-1] = ROUND_PAYOUT_MICRO // 2
    slips = [
        world.sign(alice, Pick(five[i % 5], 0), stake_micro=stake, accepted_at_s=now, nonce=1 + i)
        for i, stake in enumerate(stakes)
    ]
    starts_at_s = match.starts_at_s + days * 24 * 3_600
    scores = make_market(Kind.CORRECT_SCORE, 16, starts_at_s=starts_at_s, name=name)
    bad = Pick(scores, OUTCOME, 500_000, name)
    slips.append(world.sign(alice, bad, accepted_at_s=now, nonce=1 + WINNERS))
    number, batch, skips = world.place(*slips)
    assert not skips
    assert batch.markets[5] == scores.pack()
    world.travel_to(match.starts_at_s + 7_200)
    world.publish_final(score(1, 0, match.starts_at_s + 7_000))
    tx = world.settle(number, batch)
    assert payouts(tx) == {i: 2 * stake for i, stake in enumerate(stakes)}
    assert settled_bets(tx) == list(range(WINNERS + settled))
    assert world.balance(alice) == before + sum(stakes) - UNIT


@pytest.mark.parametrize("winners_first", [True, False])
@pytest.mark.parametrize("parts", [(123,), (20, 103), (103, 20), (61, 62)])
def test_settle_pays_one_outcome_of_the_widest_market(
    world, match, five, now, winners_first, parts
):
    """Correct scores to 9:9 have 103 outcomes. 4:2 is the 43rd of them."""
    bettor = world.stranger(1)
    scores = make_market(Kind.CORRECT_SCORE, 36, starts_at_s=match.starts_at_s)
    happened = 4 * 10 + 2
    picks = [Pick(scores, outcome) for outcome in range(103)]
    winners = [Pick(five[i % 5], 0) for i in range(20)]
    picks = winners + picks if winners_first else picks + winners
    slips = [
        world.sign(bettor, pick, accepted_at_s=now, nonce=1 + i) for i, pick in enumerate(picks)
    ]
    number, batch, skips = world.place(*slips)
    assert not skips
    world.travel_to(match.starts_at_s + 7_200)
    world.publish_final(score(4, 2, match.starts_at_s + 7_000))
    before, first = world.balance(bettor), 0
    for bets in parts:
        expected = {
            i: 2 * UNIT
            for i in range(first, first + bets)
            if picks[i].market != scores or picks[i].outcome == happened
        }
        assert payouts(world.settle(number, batch, first, bets)) == expected
        first += bets
    assert world.balance(bettor) == before + 21 * 2 * UNIT
    assert world.book()["locked_micro"] == world.book()["owed_micro"] == 0


def forged_table(base_s, starts_at_s, honest, void):
    """Six markets on fixtures of low numbers, the forged word's last; then those of the bets."""
    fixtures = [TableFixture(n.to_bytes(16, "big") + bytes(16), 0) for n in range(1, 6)]
    fixtures.append(TableFixture(b"\1" + bytes(31), starts_at_s))
    fixtures.append(TableFixture(fixture_name_hash(ACCOMPLICE), void.starts_at_s))
    fixtures.append(TableFixture(fixture_name_hash(HONEST), honest.starts_at_s))
    markets = [TableMarket(n, Kind.MATCH_RESULT, Period.FULL_TIME, 0, True) for n in range(5)]
    markets.append(TableMarket(5, Kind.MATCH_RESULT, Period.FULL_TIME, TWO_ALL << 8, False))
    markets.append(TableMarket(6, void.kind, void.period, void.line_q, void.in_play))
    markets.append(TableMarket(7, honest.kind, honest.period, honest.line_q, honest.in_play))
    return Table(base_s, tuple(fixtures), tuple(markets))


@pytest.mark.parametrize("fate", FORGED)
def test_bytes_of_a_batch_do_not_decide_a_bet(world, alice, bob, now, fate):
    """Two bets that are void at once put the zeros in place that the forged word begins with; the
    third is on a match that has not been played."""
    assert fixture_name_hash(ACCOMPLICE) < fixture_name_hash(HONEST)
    honest = MarketId(fixture_id(HONEST), now + 3_600, Kind.CORRECT_SCORE, line_q=MOST_LINE_Q)
    # Open for some seconds yet: then there is a week without a result.
    started_s = now + 10 - VOID_AFTER_S
    void = MarketId(fixture_id(ACCOMPLICE), started_s, Kind.MATCH_RESULT, in_play=True)
    signed = [
        world.sign(bob, Pick(void, 0, name=ACCOMPLICE), accepted_at_s=now, nonce=1),
        world.sign(bob, Pick(void, 0, name=ACCOMPLICE), accepted_at_s=now, nonce=2),
        world.sign(
            alice,
            Pick(honest, TWO_ALL, 500_000, HONEST),
            accepted_at_s=now,
            stake_micro=10 * UNIT,
        ),
    ]
    table = forged_table(now, FORGED[fate], honest, void)
    number, batch, skips = world.send_batch(pack_batch(table, [entry(s, table) for s in signed]))
    assert not skips
    before = world.balance(alice)
    world.travel_to(now + 20)
    tx = world.settle(number, batch)
    assert payouts(tx) == {0: UNIT, 1: UNIT}
    assert settled_bets(tx) == [0, 1]
    assert world.balance(alice) == before
    assert world.book()["owed_micro"] == 10 * UNIT
