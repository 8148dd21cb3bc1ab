"""Checks a run against the chain's own data: solvency, payouts, mirror, accepted slips.

Each check returns what it looked at and every difference in words. It passes when there are none.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import Any

from scripts.demo.chain_reader import ChainReader, Change, History
from scripts.demo.payout_check import FinalScore, Pick, payout_micro
from scripts.demo.slips import AcceptedSlip, SignedSlip

SHOWN_DIFFERENCES = 5

Row = tuple[Any, ...]
Select = Callable[[str], list[Row]]


@dataclass
class Check:
    """One invariant: its number in ARCHITECTURE.md, what was compared, and what did not hold."""

    invariant: int
    title: str
    looked_at: str = ""
    differences: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.differences

    def differ(self, what: str) -> None:
        """Records a difference."""
        self.differences.append(what)

    def same(self, what: str, found: object, expected: object) -> None:
        """Records a difference unless both values are equal."""
        if found != expected:
            self.differ(f"{what}: {found!r}, expected {expected!r}")


def solvent(reader: ChainReader, history: History, *, each_block: bool = True) -> Check:
    """Invariant 1, after every block in which money moved: tokens held cover all balances and the
    pool, and the pool covers what open bets are owed and what they could win above that.

    Without `each_block` only at the end: a node that was started again may have lost the state of
    earlier blocks."""
    check = Check(1, "solvent: tokens held >= balances + open stakes + locked bankroll")
    balances: dict[int, int] = defaultdict(int)
    tokens = pool = 0
    blocks = sorted({change.block for change in history.changes})
    book = reader.sportsbook.functions.book()
    heights = blocks if each_block else [history.head]
    found = reader.call_many([book] * len(heights), heights)
    books = dict(zip(blocks[-len(heights) :], found, strict=True))
    for block, changes in groupby(history.changes, key=lambda change: change.block):
        for change in changes:
            balances[change.account] += change.balance_micro
            tokens += change.tokens_micro
            pool += change.pool_micro
            if balances[change.account] < 0:
                check.differ(f"block {block}: account {change.account} has a negative balance")
        if block not in books:
            continue
        held_pool, open_bets, locked = books[block][:3]
        check.same(f"block {block}: pool", held_pool, pool)
        owed = sum(balances.values()) + open_bets + locked
        if tokens < owed or held_pool < open_bets + locked:
            check.differ(f"block {block}: holds {tokens}, owes {owed}, pool {held_pool}")
    held = reader.token.functions.balanceOf(reader.sportsbook.address).call(
        block_identifier=history.head
    )
    check.same("tokens held at the end", held, tokens)
    check.looked_at = f"{len(books)} blocks, {tokens / 10**6:,.2f} tokens held at the end"
    return check


def paid_once(
    history: History,
    slips: Mapping[tuple[int, int], SignedSlip],
    scores: Mapping[str, FinalScore],
    visitors: Collection[int] = (),
) -> Check:
    """Invariant 3: every bet settled exactly once, and paid what the words that its bettor signed
    are worth at the real score. What the accounts of `visitors` signed is not known here: their
    bets are only counted."""
    check = Check(3, "every bet settled once, paid by the formula, rounded down")
    paid = 0
    for key, bet in history.bets.items():
        payouts = history.payouts.get(key, [])
        name = f"bet {bet.bet} of batch {bet.batch}"
        if len(payouts) != 1:
            check.differ(f"{name} was settled {len(payouts)} times")
            continue
        slip = slips.get((bet.account, bet.nonce))
        if slip is None and bet.account in visitors:
            continue
        if slip is None:
            check.differ(f"{name}: no signed slip found")
            continue
        legs = [
            (_pick(leg.words, chain_leg.odds_e4), scores[leg.words["fixture"]])
            for leg, chain_leg in zip(slip.legs, bet.legs, strict=True)
        ]
        expected = payout_micro(bet.stake_micro, legs)
        check.same(f"{name}: payout", payouts[0], expected)
        paid += payouts[0]
    for key in history.payouts.keys() - history.bets.keys():
        check.differ(f"bet {key[1]} of batch {key[0]} was settled but never placed")
    check.looked_at = (
        f"{len(history.bets)} bets, {paid / 10**6:,.2f} paid{_of_visitors(history, visitors)}"
    )
    return check


def mirrored(reader: ChainReader, history: History, select: Select) -> Check:
    """Invariant 7: the mirror's rows are what the chain says, by its events and by its state.
    `select` answers a query on schema mirror."""
    check = Check(7, "the mirror equals the chain")
    accounts = list(history.owners)
    held = dict(zip(accounts, reader.balances(accounts, history.head), strict=True))
    balances = history.balances()
    for account in accounts:
        summed = balances.get(account, 0)
        check.same(f"account {account}: balance by its events", summed, held[account])
    book = reader.sportsbook.functions.book().call(block_identifier=history.head)
    rows = 0
    for query, expected in (
        ("SELECT account, balance_micro FROM mirror.balance", held.items()),
        (
            "SELECT pool_micro, owed_micro, locked_micro, accumulators_micro, batch_count"
            " FROM mirror.book",
            [tuple(book)],
        ),
        *_rows_of_events(history),
    ):
        rows += _compare(check, query, select(query), expected)
    check.looked_at = f"{rows} rows at block {history.head}"
    return check


def _rows_of_events(history: History) -> Iterator[tuple[str, Iterable[Row]]]:
    """Queries on tables of events, and the rows that they should return."""
    bets = history.bets.values()
    yield "SELECT account, owner FROM mirror.account", history.owners.items()
    yield (
        "SELECT batch, bet, account, nonce, stake_micro, accepted_at_s FROM mirror.bet",
        ((b.batch, b.bet, b.account, b.nonce, b.stake_micro, b.accepted_at_s) for b in bets),
    )
    yield (
        "SELECT batch, bet, leg, market, outcome, odds_e4 FROM mirror.leg",
        (
            (bet.batch, bet.bet, number, leg.market, leg.outcome, leg.odds_e4)
            for bet in bets
            for number, leg in enumerate(bet.legs)
        ),
    )
    yield (
        "SELECT batch, account, nonce, reason FROM mirror.skip",
        ((skip.batch, skip.account, skip.nonce, skip.reason) for skip in history.skips),
    )
    yield (
        "SELECT batch, bet, payout_micro FROM mirror.settlement",
        ((*key, payout) for key, payouts in history.payouts.items() for payout in payouts),
    )


def _compare(check: Check, query: str, rows: Iterable[Row], expected: Iterable[Row]) -> int:
    """Records the rows that a table lacks or has too many; returns how many it has."""
    table = query.rsplit("mirror.", 1)[1]
    found, wanted = Counter(_plain(rows)), Counter(_plain(expected))
    for row in list((wanted - found).elements())[:SHOWN_DIFFERENCES]:
        check.differ(f"{table}: the mirror lacks {row}")
    for row in list((found - wanted).elements())[:SHOWN_DIFFERENCES]:
        check.differ(f"{table}: the mirror has {row}, which the chain does not")
    return sum(found.values())


def slips_placed(
    history: History,
    accepted: Sequence[AcceptedSlip],
    typed: dict[str, Any],
    receipt_signer: str,
    visitors: Collection[int] = (),
) -> Check:
    """Invariant 8: every accepted slip is one bet with the odds, stake and time of its receipt, or
    was skipped on the chain with the stake untouched; and every bet has a receipt, but for those
    of `visitors`, whose receipts are in their browsers."""
    check = Check(8, "every accepted slip is on the chain once, as its receipt says")
    by_slip: dict[tuple[int, int], list[Any]] = defaultdict(list)
    for bet in history.bets.values():
        by_slip[bet.account, bet.nonce].append(bet)
    skipped = {(skip.account, skip.nonce) for skip in history.skips}
    received = set()
    for receipt in accepted:
        slip = receipt.slip
        key = slip.account, slip.nonce
        name = f"slip {slip.nonce} of account {slip.account}"
        received.add(key)
        check.same(f"{name}: signer of the receipt", receipt.receipt_signer(typed), receipt_signer)
        bets = by_slip.get(key, [])
        if len(bets) != 1:
            if not (not bets and key in skipped):
                check.differ(f"{name} is {len(bets)} bets on the chain")
            continue
        bet = bets[0]
        check.same(f"{name}: stake", bet.stake_micro, slip.stake_micro)
        check.same(f"{name}: acceptance", bet.accepted_at_s, receipt.accepted_at_s)
        check.same(f"{name}: odds", tuple(leg.odds_e4 for leg in bet.legs), receipt.odds_e4)
        legs = tuple(("0x" + leg.market.hex(), leg.outcome) for leg in bet.legs)
        check.same(f"{name}: legs", legs, tuple((leg.market, leg.outcome) for leg in slip.legs))
    for key in by_slip.keys() - received:
        if key[0] in visitors:
            continue
        check.differ(f"slip {key[1]} of account {key[0]} is on the chain, but was never accepted")
    check.looked_at = (
        f"{len(accepted)} receipts, {len(history.bets)} bets{_of_visitors(history, visitors)}"
    )
    return check


def _of_visitors(history: History, visitors: Collection[int]) -> str:
    """How many of the bets are of visitors, in words."""
    theirs = sum(bet.account in visitors for bet in history.bets.values())
    return f"; {theirs} of visitors, not compared" if theirs else ""


def read_scores(facts_file: Path) -> dict[str, FinalScore]:
    """Scores by canonical fixture name, read from the facts file again."""
    scores = {}
    with facts_file.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if row["home_full"]:
                name = f"{row['home']} v {row['away']}, {row['kick_off'][:10]}"
                goals = ("home_half", "away_half", "home_full", "away_full")
                scores[name] = FinalScore(*(int(row[goal]) for goal in goals))
    return scores


def profit_micro(changes: Iterable[Change]) -> tuple[int, int]:
    """The house's and the bettors' profit: payouts less stakes, and the reverse."""
    bettors = sum(c.balance_micro for c in changes if c.kind in ("stake", "payout"))
    return -bettors, bettors


def _pick(words: Mapping[str, Any], odds_e4: int) -> Pick:
    return Pick(
        market=words["market"],
        period=words["period"],
        line=Fraction(words["lineQuarters"], 4),
        outcome=words["outcome"],
        odds=Fraction(odds_e4, 10_000),
    )


def _plain(rows: Iterable[Iterable[Any]]) -> list[tuple[Any, ...]]:
    return [
        tuple(bytes(v).hex() if isinstance(v, bytes | memoryview) else v for v in row)
        for row in rows
    ]
