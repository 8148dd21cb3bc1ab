"""Proof that what is kept for a market covers what its bets are paid: any number of bets, any
stakes and odds above 1, any result, any order of settling, with every payout rounded down.

Kept for a market is what it adds to `owed` and `locked` together. With its open single bets, whose
payouts are p0, p1 and p2 by outcome and whose stakes are S in all, that is

  netted and paired   max(S, W) until the first of them is settled, D from then on ("marked")
  gross               max(S, p0 + p1 + p2)

where W is the largest payout (netted) or the sum of the two largest (paired), and D what the open
bets are paid by the result: the sum of exact payouts, rounded up once. Claim: settling a bet pays
at most what is kept less by it. So `pool - owed - locked`, which placing leaves at 0 or more, never
falls by settling; by induction over the settlements the pool pays every bet, in whatever order.

  1 fates     before the match all bets of a market share one of four fates: one outcome wins and
              the others lose; one loses and the others win (paired only); one of two is won half
              and the other lost half; all are void
  2 marking   D <= max(S, W), for each fate
  3 settling  D falls by at least what the bet is paid, for each fate
  4 gross     a bet is never paid more than its own payout, which is what is kept for it; the same
              holds for accumulators

Each is shown for all integers: where both sides of an inequality grow alike, for one period; where
only the order of numbers counts, for every order. The formulas are those of the ledger in Python,
which test_state_machine.py holds against the contract; test_outcomes.py compares every market at
every score.

Not shown here: that no field overflows (placing bounds payouts and deposits to 56 bits), that the
contract computes these formulas in every case (tests compare them), and anything about cash-outs
and replacements, which check `pool >= owed + locked` themselves.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations_with_replacement, permutations, product
from math import ceil

import pytest

from protocol.market_id import WIDE_KINDS, Kind
from tests.contracts.model_exposure import is_gross, locks
from tests.contracts.oracle import BACK, LOST, WON, Earned, earns, payout
from tests.support.slips import make_market

HALF = Fraction(1, 2)
HALF_WON, HALF_LOST = Earned(HALF, HALF), Earned(Fraction(0), HALF)
ONE = 10_000
# One market of each mode.
NETTED = make_market(Kind.ASIAN_HANDICAP, -1, starts_at_s=1)
OF_THREE = make_market(Kind.MATCH_RESULT, starts_at_s=1)
PAIRED = make_market(Kind.DOUBLE_CHANCE, starts_at_s=1)
GROSS = make_market(Kind.MATCH_RESULT, starts_at_s=1, in_play=True)
MODES = {"netted": NETTED, "of three": OF_THREE, "paired": PAIRED, "gross": GROSS}


def fates(kind):
    """What the outcomes of a market before the match can earn together."""
    if kind is Kind.DOUBLE_CHANCE:
        one_loses = {tuple(LOST if i == k else WON for i in range(3)) for k in range(3)}
        return one_loses | {(BACK,) * 3}
    if kind in (Kind.MATCH_RESULT, Kind.EUROPEAN_HANDICAP):
        return {tuple(WON if i == k else LOST for i in range(3)) for k in range(3)} | {(BACK,) * 3}
    pairs = ((WON, LOST), (HALF_WON, HALF_LOST))
    return {pair for one in pairs for pair in (one, one[::-1])} | {(BACK,) * 2}


def kept(market, payouts, stakes):
    """What a market that is not marked adds to `owed` and `locked`."""
    return stakes + locks(market, (*payouts, stakes))


# -- The formulas


@pytest.mark.parametrize("market", MODES.values(), ids=MODES)
def test_ledger_locks_what_the_contract_locks(world, market):
    packed = int.from_bytes(market.pack(), "big")
    for *payouts, stakes in product((0, 1, 2, 2**56 - 1), (0, 1, 3), (0, 2), (0, 1, 4)):
        exposure = sum(one << 64 * i for i, one in enumerate((*payouts, stakes)))
        assert world.harness.locked(packed, exposure) == locks(market, (*payouts, stakes))


# -- 1: fates


@pytest.mark.parametrize("kind", [k for k in Kind if k not in {*WIDE_KINDS, Kind.PROPOSITION}])
def test_bets_before_the_match_share_a_fate(kind):
    """A market is decided by who won, by yes or no, or by how many quarter goals one side is ahead,
    where more than two are as good as two: these scores and lines reach them all."""
    assert not is_gross(make_market(kind, starts_at_s=1))
    lined = kind in {Kind.TOTAL_GOALS, Kind.HOME_TOTAL_GOALS, Kind.AWAY_TOTAL_GOALS}
    lines = range(1, 9) if lined else (0,)
    if kind is Kind.ASIAN_HANDICAP:
        lines = range(-8, 9)
    if kind is Kind.EUROPEAN_HANDICAP:
        lines = range(-8, 9, 4)
    found = {
        earns(kind, line, home, away) for line, home, away in product(lines, range(4), range(4))
    }
    assert found <= fates(kind)


# -- 2: marking


@pytest.mark.parametrize("market", [OF_THREE, PAIRED], ids=["netted", "paired"])
def test_marking_takes_no_more_than_is_kept_full(market):
    """D and W are sums of the same payouts, so only their order counts: three numbers have every
    order already among 0, 1 and 2. More stakes only keep more; all void, they are kept."""
    for payouts in product(range(3), repeat=3):
        for fate in fates(market.kind):
            due = sum(p * earned.win for p, earned in zip(payouts, fate, strict=True))
            assert due <= kept(market, payouts, stakes=0)
        for stakes in range(7):
            assert max(stakes, kept(market, payouts, 0)) == kept(market, payouts, stakes)


def test_marking_takes_no_more_than_is_kept_halves():
    """D = ceil((p + S) / 2), with p of the half-won outcome. Both sides grow by 2 with p and S
    together by 2. Of the two, let the larger alone grow by 2: the kept side grows by 2, D by 1. So
    a difference of up to 3 decides it for all."""
    for p, stakes in product(range(4), repeat=2):
        assert -(-(p + stakes) // 2) <= kept(NETTED, (p, 0, 0), stakes)


# -- 3: settling


def test_bet_that_is_won_half_is_paid_half_of_payout_and_stake():
    """stake x odds = 10^4 P + rest. What is paid is floor((P + stake) / 2) exactly: both grow by 1
    with P or the stake by 2, so two parities of each and every rest are all cases."""
    for p, stake, rest in product(range(2), range(2), range(ONE)):
        paid = (ONE * p + rest + ONE * stake) // (2 * ONE)
        assert paid == (p + stake) // 2


def test_settling_takes_no_more_than_was_kept_for_the_bet():
    """D = ceil(X / 2), where X is the payouts of the half-won outcome and all stakes. The bet is
    paid floor(x / 2), where x is its part of X: payout and stake if it is won half, its stake if it
    is lost half. Both sides grow by 1 with x by 2, and none with X by 2: parities are all cases. A
    full win is its payout, a void bet its stake, a lost one nothing, in D as in what is paid."""
    for x, more in product(range(2), range(2)):
        whole = x + more
        assert -(-whole // 2) - -(-(whole - x) // 2) >= x // 2
    for earned in (WON, BACK, LOST):
        assert earned in ((1, 0), (0, 1), (0, 0))


# -- 4: gross


def test_bet_is_paid_no_more_than_its_payout_by_any_fraction():
    """Of `parts`, `win` at odds o and `refund`: o x win + refund <= o x parts. What the right side
    has more grows with o and falls with `refund`: the minimum odds and the maximum refund decide
    it. An accumulator's factor is a product of such; rounded down once, neither is more than at
    full odds."""
    least = ONE + 1
    for parts in range(1, 256):
        for win in range(parts + 1):
            assert least * win + ONE * (parts - win) <= least * parts


def test_bet_keeps_its_payout_where_bets_are_locked_one_by_one():
    """Odds are above 1, so no payout is below its stake: what is kept is the sum of payouts, and
    falls by that of the bet that ends."""
    for payouts in product(range(3), repeat=3):
        for stakes in range(sum(payouts) + 1):
            assert kept(GROSS, payouts, stakes) == sum(payouts)


# -- All together, on few bets


MENU = [*product((0, 1), ((1, ONE + 1), (1, 25_000), (2, 15_000), (3, 33_333)))]
MENU_OF_THREE = [*product((0, 1, 2), ((1, ONE + 1), (1, 25_000), (2, 16_667)))]


@pytest.mark.parametrize(
    ("market", "menu"),
    [(NETTED, MENU), (OF_THREE, MENU_OF_THREE), (PAIRED, MENU_OF_THREE)],
    ids=["netted", "of three", "paired"],
)
def test_pool_pays_up_to_three_bets_in_any_order(market, menu):
    """The claim itself, with the least pool that may hold the bets, step by step."""
    for bets in (b for n in (1, 2, 3) for b in combinations_with_replacement(menu, n)):
        payouts = [0, 0, 0]
        for outcome, (stake, odds_e4) in bets:
            payouts[outcome] += stake * odds_e4 // ONE
        least = kept(market, payouts, sum(stake for _, (stake, _) in bets))
        for fate, order in product(fates(market.kind), set(permutations(bets))):
            _check_settled(least, order, fate)


def _check_settled(pool, order, fate):
    for settled, (outcome, (stake, odds_e4)) in enumerate(order, 1):
        pool -= payout(stake, [(odds_e4, fate[outcome])])
        rest = [
            Fraction(s * o // ONE) * fate[k].win + s * fate[k].refund
            for k, (s, o) in order[settled:]
        ]
        assert pool >= ceil(sum(rest, Fraction(0)))
