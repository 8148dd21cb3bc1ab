"""Plays a short season in which every kind of event of the contracts happens at least once."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import NamedTuple

from protocol.market_id import Kind, fixture_id
from protocol.outcomes import ResultStatus
from protocol.roles import Role
from protocol.signatures import compact, sign
from protocol.typed_data import Action, Request, Result
from tests.indexer.decided_markets import settle_in_every_order
from tests.support.deployment import Limits
from tests.support.house import (
    OPERATOR,
    OWNER,
    RESULT_SIGNERS,
    House,
    Wanted,
)
from tests.support.people import Bettor, council, key_address, stranger_key
from tests.support.slips import Pick, make_market
from tests.support.terms import (
    CASH_OUT_AGE_S,
    DEPOSIT_MICRO,
    EXIT_DELAY_S,
    NOTICE_S,
    RECEIPT_WINDOW_S,
    UNIT,
)

FIRST, SECOND = "Home v Away, 2025-05-25", "Left v Right, 2025-05-25"
THIRD = fixture_id("North v South, 2025-05-25")
SPARE_OPERATOR, SPARE_SIGNER = (key_address(stranger_key(10**6 + n)) for n in range(2))
_NUMBERS = itertools.count(1)


class Season(NamedTuple):
    """The start of the fixtures, and numbers of batches."""

    starts_at_s: int
    mixed: int
    double_chances: int
    remainder: int


def play_season(house: House) -> None:
    """Play the season: roles, bets, exits, results, restrictions, decided markets."""
    _change_roles(house)
    ann, bob, cy = (house.open_account() for _ in range(3))
    house.send("Sportsbook", "depositFor", ann.address, 5 * UNIT)
    season = _place_bets(house, ann, bob, cy)
    house.send("Results", "appoint", _second_council())
    _leave(house, ann, bob, cy)
    _decide(house, season)
    house.send("Bankroll", "payCommission")
    house.exit(ann)
    house.request_exit(bob, 5 * UNIT)
    house.request_exit(bob, 0)
    house.send("Sportsbook", "pausePlacing", False)
    _restrict(house)
    _replace_and_relay(house)
    settle_in_every_order(house)


def play_more(house: House, bets: int = 3) -> None:
    """Add another bettor, a batch, a result, and a settlement of bets old and new. The first bet is
    settled before the others, so that its market is marked for a while."""
    dan, name = house.open_account(), f"Up v Down {next(_NUMBERS)}, 2025-06-01"
    start_s = house.now_s() + 500
    pick = Pick(make_market(starts_at_s=start_s, name=name), bets % 3, name=name)
    number = house.place(*(Wanted(dan, (pick,), UNIT * (n + 1)) for n in range(bets)))
    house.request_exit(house.bettors[0], bets * UNIT)
    if not house.call("Sportsbook", "settledBits", 2) & 1:
        house.settle((2, 0, 1))
    house.travel(600)
    house.publish(Result(fixture_id(name), 1, 0, 0, bets, 0, start_s))
    house.pass_dispute_window()
    house.settle((number, 0, 1))
    house.settle((number, 0, bets))
    house.cancel_nonces(dan, bets + 1)


def _second_council() -> tuple[list[str], int, str]:
    signers, threshold, arbiter = council(RESULT_SIGNERS, 2, key_address(OWNER))
    return signers, threshold, arbiter


def _change_roles(house: House) -> None:
    owner = key_address(OWNER)
    limits = Limits(market_cap_micro=500_000 * UNIT).arguments()
    house.send("Results", "propose", _second_council())
    house.send("Sportsbook", "proposeLimits", limits)
    house.send("Sportsbook", "grantKey", (SPARE_OPERATOR, Role.OPERATOR, 7 * UNIT))
    house.send("Sportsbook", "grantKey", (SPARE_SIGNER, Role.CASH_OUTS, 8 * UNIT))
    house.travel(NOTICE_S + 1)
    house.send("Sportsbook", "applyLimits", limits)
    house.send("Sportsbook", "proposeLimits", Limits(accumulator_cap_micro=UNIT).arguments())
    house.send("Sportsbook", "retireKey", SPARE_OPERATOR)
    house.send("Sportsbook", "setGuardian", owner)
    house.send("Sportsbook", "transferOwnership", owner)
    house.send("Sportsbook", "acceptOwnership")
    house.send("Bankroll", "withdraw", 1_000 * UNIT, owner, owner)
    house.send("Bankroll", "transfer", key_address(OPERATOR), UNIT)
    house.send("Bankroll", "approve", key_address(OPERATOR), 2**256 - 1)


def _pick(
    name: str, start_s: int, kind: Kind, outcome: int, odds_e4: int = 20_000, line_q: int = 0
) -> Pick:
    market = make_market(kind, line_q, starts_at_s=start_s, name=name)
    return Pick(market, outcome, odds_e4, name)


def _place_bets(house: House, ann: Bettor, bob: Bettor, cy: Bettor) -> Season:
    start_s = house.now_s() + 2_000
    home = _pick(FIRST, start_s, Kind.MATCH_RESULT, 0)
    away = _pick(FIRST, start_s, Kind.MATCH_RESULT, 2, 31_000)
    quarter = _pick(FIRST, start_s, Kind.ASIAN_HANDICAP, 0, 19_500, line_q=-1)
    over = _pick(SECOND, start_s, Kind.TOTAL_GOALS, 0, 18_000, line_q=10)
    first, second, third = (
        _pick(FIRST, start_s, Kind.DOUBLE_CHANCE, outcome, odds)
        for outcome, odds in ((0, 12_000), (1, 13_000), (2, 21_000))
    )
    mixed = house.place(
        Wanted(ann, (home,)),
        Wanted(bob, (away,), 3 * UNIT),
        Wanted(cy, (home, over), 2 * UNIT),
        Wanted(cy, (quarter,)),
        Wanted(ann, (second,), 7 * UNIT + 1),
        Wanted(bob, (home,), 10_000 * UNIT),
        Wanted(cy, (over,), signer=OWNER),
    )
    # Both bets on the double chance stay open: together they lock more than the worse of them.
    double_chances = house.place(
        Wanted(bob, (first,), nonce=5),
        Wanted(bob, (over,), nonce=3),
        Wanted(bob, (third,), nonce=4),
    )
    skipped = house.place(Wanted(ann, (home,), 10**12))
    assert not house.batches[skipped].records
    house.place_with_junk_market(Wanted(ann, (over,)))
    house.send("Sportsbook", "pausePlacing", True)
    house.send("Sportsbook", "pausePlacing", False)
    score = _pick(SECOND, start_s, Kind.CORRECT_SCORE, 17, 80_000, line_q=12)
    quoted = house.place_quoted(bob, score, 2 * UNIT)
    house.travel(CASH_OUT_AGE_S)
    remainder = house.cash_out(bob, quoted, 0, UNIT // 2, UNIT // 3)
    house.cash_out(cy, mixed, 3, UNIT, UNIT // 2)
    return Season(start_s, mixed, double_chances, remainder)


def _leave(house: House, ann: Bettor, bob: Bettor, cy: Bettor) -> None:
    house.exclude(cy, 3_600)
    house.exclude(cy, 7_200)
    house.send("Sportsbook", "pausePlacing", True)
    house.request_exit(ann, 100 * UNIT)
    house.request_exit(ann, 20 * UNIT)
    house.request_exit(cy, 2**64 - 1)
    house.withdraw(bob, 50 * UNIT)
    house.travel(3_000)


def _decide(house: House, season: Season) -> None:
    ended_s, played, void = season.starts_at_s, ResultStatus.PLAYED, ResultStatus.VOID
    house.publish(Result(fixture_id(FIRST), played, 0, 0, 1, 0, ended_s))
    house.send("Results", "dispute", fixture_id(FIRST))
    house.rule(Result(fixture_id(FIRST), played, 1, 0, 2, 1, ended_s))
    house.pass_dispute_window()
    house.settle((season.mixed, 0, 2))
    house.settle((season.mixed, 2, 3))
    house.publish(Result(fixture_id(SECOND), void, 0, 0, 0, 0, ended_s))
    # Never bet on: the second council decides it.
    house.publish(Result(THIRD, played, 0, 0, 0, 0, ended_s))
    house.send("Results", "dispute", THIRD)
    house.rule(Result(THIRD, played, 0, 0, 0, 0, ended_s))
    house.send("Results", "dispute", THIRD)
    for _ in range(3):
        house.pass_dispute_window()
    house.send("Results", "closeDispute", THIRD)
    house.settle((season.mixed, 0, 5))
    house.settle((season.double_chances, 1, 1))
    house.settle((season.remainder, 0, 1))


def _restrict(house: House) -> None:
    """Cancel nonces and exclude accounts: each is over and counted, over and not counted yet, or in
    force."""
    dee, eve, fay, gus, hal, ivy, jon = (house.open_account() for _ in range(7))
    start_s = house.now_s() + 50_000
    pick = _pick("Long v Ago, 2025-05-31", start_s, Kind.BOTH_TEAMS_TO_SCORE, 0)
    house.cancel_nonces(dee, 3)
    house.cancel_nonces(eve, 9)
    house.cancel_nonces(fay, 2)
    house.place(
        Wanted(dee, (pick,), nonce=3),  # cancelled
        Wanted(dee, (pick,), nonce=5),
        Wanted(eve, (pick,), nonce=11),  # too far
        Wanted(fay, (pick,), nonce=4),
    )
    # Not over yet: nothing is counted.
    _deposit(house, dee)
    house.exclude(gus, RECEIPT_WINDOW_S + 60)
    house.cancel_nonces(gus, 4)
    house.exclude(jon, RECEIPT_WINDOW_S + 60)
    house.cancel_nonces(jon, 4)
    house.exclude(ivy, RECEIPT_WINDOW_S + 60)
    house.cancel_nonces(hal, 0)
    house.travel(RECEIPT_WINDOW_S + 30)
    _deposit(house, dee)
    _deposit(house, eve)
    # Fay's first cancellation is counted by the second, which is in force at the end.
    house.cancel_nonces(fay, 12)
    _deposit(house, fay)
    # The cancellations of Gus and Jon are over at their next bet, but their exclusions are within
    # the window; then Gus bets again.
    house.cancel_nonces(hal, 7)
    house.travel(RECEIPT_WINDOW_S)
    house.place(Wanted(gus, (pick,), nonce=6), Wanted(jon, (pick,), nonce=6), Wanted(ivy, (pick,)))
    house.travel(RECEIPT_WINDOW_S)
    house.place(Wanted(gus, (pick,), nonce=8))
    # Over for hal, but nothing has happened since.
    house.exclude(ivy, RECEIPT_WINDOW_S + 60)
    house.cancel_nonces(dee, 6)
    house.exclude(dee, RECEIPT_WINDOW_S + 60)


def _replace_and_relay(house: House) -> None:
    """Enforce receipts instead of what the operator placed, of single bets and an accumulator, and
    of a bet that was enforced instead of another; send what owners have signed."""
    kim, leo = house.open_account(), house.open_account()
    start_s = house.now_s() + 50_000
    over, home = (
        _pick(f"{name} v Late, 2025-06-01", start_s, kind, 0, 19_000, line_q)
        for name, kind, line_q in (("Soon", Kind.TOTAL_GOALS, 10), ("Now", Kind.MATCH_RESULT, 0))
    )
    placed = house.place(Wanted(kim, (over,), 5 * UNIT))
    for odds_e4 in (21_000, 17_000):
        placed = house.enforce_instead(kim, placed, replace(over, odds_e4=odds_e4))
    placed = house.place(Wanted(leo, (over, home), 3 * UNIT))
    house.enforce_instead(leo, placed, replace(over, odds_e4=18_000), home)
    _relay(house, kim, Action.CANCEL_NONCES, 3)
    _relay(house, kim, Action.REQUEST_EXIT, 7 * UNIT)
    until_s = house.now_s() + RECEIPT_WINDOW_S + 60
    _relay(house, leo, Action.EXCLUDE, until_s)
    house.travel(EXIT_DELAY_S + 1)
    _relay(house, kim, Action.EXIT, 0, fee_micro=UNIT // 10)


def _relay(house: House, bettor: Bettor, action: Action, value: int, fee_micro: int = 0) -> None:
    number, deadline_s = house.call("Sportsbook", "requestsOf", bettor.account), house.now_s() + 600
    asked = Request(bettor.account, action, value, fee_micro, number, deadline_s)
    signature = compact(sign(house.slip_domain.digest(asked.struct_hash()), bettor.key))
    house.contracts.send_as(OPERATOR, "Sportsbook", "relay", asked.arguments(), signature)


def _deposit(house: House, bettor: Bettor) -> None:
    house.send("Sportsbook", "depositFor", bettor.address, DEPOSIT_MICRO)
