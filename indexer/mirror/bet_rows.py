"""Turns the events of batches and bets into rows: placing, settling, cash-outs and replacements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from indexer.decode import events as ev
from indexer.decode.bet_reader import Bet as PlacedBet
from indexer.decode.bet_reader import read_bets, split_stored
from indexer.errors import Contradiction
from indexer.mirror.book_change import settled_numbers
from indexer.mirror.range_rows import Handlers, RangeRows
from indexer.mirror.tables import Batch, Bet, Leg, Movement, Settlement, Skip
from protocol.limits import LISTED_MARKET_BYTES
from protocol.market_id import FIXTURE_BYTES
from protocol.placed_event import PlacedParts, split_placed, unpack_payouts
from protocol.records import BASE_BYTES, with_stake


def remainder(event: ev.CashedOut) -> PlacedParts:
    """The batch with the remainder of a bet. Raises PackedInvalid."""
    record = with_stake(event.record, event.rest_micro)
    return split_stored(event.markets, record, 1)


@dataclass
class BetRows(RangeRows):
    """The changes of a range, and what its bets need of each other. `bets` has those of batches by
    number, as far as they are read."""

    bets: dict[int, Sequence[PlacedBet]] = field(default_factory=dict)
    placed_batches: dict[int, tuple[ev.Logged, PlacedParts]] = field(default_factory=dict)
    # By block and transaction: number of slips in it, number of bets that it settled.
    tx_slips: Counter[tuple[int, bytes]] = field(default_factory=Counter)
    tx_settled: Counter[tuple[int, bytes]] = field(default_factory=Counter)
    # Lists of markets whose fixtures are in `changes.first_seen`: batches repeat them.
    listed: set[bytes] = field(default_factory=set)
    # By transaction: a bet that the next one replaces, and its batch.
    replaced: dict[bytes, tuple[int, PlacedBet]] = field(default_factory=dict)

    def placed(self, logged: ev.Logged, event: ev.BatchPlaced) -> None:
        deployment, batch, block = self.deployment, event.batch, logged.block
        if batch in self.placed_batches or batch in self.bets:
            raise Contradiction(f"batch {batch} is placed twice")
        parts = split_placed(event.data)
        if parts.starts:
            self.list_fixtures(logged, parts.markets)
        if logged.tx_hash in self.replaced:
            self.place_instead(logged, batch, parts)
            return
        self.placed_batches[batch] = logged, parts
        self.add_batch(logged, batch, parts)
        self.changes.rows[Skip] += [
            (deployment, batch, seq, block, *skip) for seq, skip in enumerate(parts.skips)
        ]

    def add_batch(self, logged: ev.Logged, batch: int, parts: PlacedParts) -> None:
        """Add the row of a new batch."""
        self.changes.book.batches += 1
        bets = len(parts.starts)
        self.tx_slips[logged.block, logged.tx_hash] += bets + len(parts.skips)
        self.add(
            Batch,
            *(self.deployment, batch, logged.block, logged.log_index, logged.tx_hash),
            *(bets, len(parts.skips), bets, parts.markets, parts.records),
        )

    def list_fixtures(self, logged: ev.Logged, markets: bytes) -> None:
        """Record where the fixtures of packed markets were first listed."""
        listed = markets[BASE_BYTES:]
        if listed in self.listed:
            return
        self.listed.add(listed)
        first_seen, at = self.changes.first_seen, (logged.block, logged.log_index)
        for start in range(0, len(listed), LISTED_MARKET_BYTES):
            first_seen.setdefault(listed[start : start + FIXTURE_BYTES], at)

    def bets_of(self, batch: int) -> Sequence[PlacedBet]:
        """The bets of a batch. Raises Contradiction when it was never placed."""
        if batch not in self.bets:
            if batch not in self.placed_batches:
                raise Contradiction(f"bets of batch {batch} are settled, which was never placed")
            self.bets[batch] = read_bets(self.placed_batches[batch][1])
        return self.bets[batch]

    def settled(self, logged: ev.Logged, event: ev.BatchSettled) -> None:
        batch = event.batch
        payouts = unpack_payouts(event.payouts)
        bets = self.bets_of(batch)
        if event.settled >> len(bets) or not payouts.keys() <= set(settled_numbers(event.settled)):
            raise Contradiction(f"bets of batch {batch} are settled that were never placed")
        for number in settled_numbers(event.settled):
            bet, payout = bets[number], payouts.get(number, 0)
            self.close_bet(logged, batch, number, bet, payout, "payout")
            self.changes.book.mark(bet, logged.block)

    def close_bet(
        self,
        logged: ev.Logged,
        batch: int,
        number: int,
        bet: PlacedBet,
        payout_micro: int,
        kind: str,
    ) -> None:
        """Settle a bet and credit its payout: by a result ("payout"), at a price ("cash_out") or
        because another bet replaces it ("refund")."""
        changes, deployment = self.changes, self.deployment
        block, log_index = logged.block, logged.log_index
        self.add(
            Settlement,
            *(deployment, batch, number, block, log_index, logged.tx_hash),
            *(payout_micro, kind == "cash_out", kind == "refund"),
        )
        self.tx_settled[block, logged.tx_hash] += 1
        changes.settled_bets[batch] += 1
        changes.book.settle(bet, payout_micro)
        if payout_micro:
            changes.balances[bet.account] += payout_micro
            self.add(
                Movement,
                *(deployment, block, log_index, number, bet.account, kind, payout_micro),
                *(batch, number, None, None),
            )

    def cashed_out(self, logged: ev.Logged, event: ev.CashedOut) -> None:
        bet = self.bet_of(event.batch, event.bet)
        self.close_bet(logged, event.batch, event.bet, bet, event.price_micro, "cash_out")
        if event.next:
            self.place_remainder(logged, event)

    def bet_replaced(self, logged: ev.Logged, event: ev.BetReplaced) -> None:
        bet = self.bet_of(event.batch, event.bet)
        self.close_bet(logged, event.batch, event.bet, bet, bet.stake_micro, "refund")
        self.replaced[logged.tx_hash] = event.batch, bet

    def bet_of(self, batch: int, number: int) -> PlacedBet:
        """A bet that ends before its result. Raises Contradiction when it was never placed."""
        bets = self.bets_of(batch)
        if number >= len(bets):
            raise Contradiction(f"a bet of batch {batch} has ended that was never placed")
        return bets[number]

    def place_remainder(self, logged: ev.Logged, event: ev.CashedOut) -> None:
        """Add the remainder of a bet, which is a batch with one bet."""
        bet = self.add_single_batch(logged, event.next, remainder(event), (event.batch, None))
        self.changes.book.place_remainder(bet)

    def place_instead(self, logged: ev.Logged, batch: int, parts: PlacedParts) -> None:
        """Add the bet that a receipt places instead of another one."""
        was_in, was = self.replaced.pop(logged.tx_hash)
        bet = self.add_single_batch(logged, batch, parts, (None, was_in))
        if (bet.account, bet.nonce) != (was.account, was.nonce) or parts.skips:
            raise Contradiction(f"the bet of batch {batch} replaces one with another nonce")
        self.changes.balances[bet.account] -= bet.stake_micro
        self.add(
            Movement,
            *(self.deployment, logged.block, logged.log_index, 0, bet.account, "stake"),
            *(-bet.stake_micro, batch, 0, None, None),
        )
        self.changes.book.place_one(bet)

    def add_single_batch(
        self,
        logged: ev.Logged,
        batch: int,
        parts: PlacedParts,
        others: tuple[int | None, int | None],
    ) -> PlacedBet:
        """Add the rows of a batch whose bet has the nonce of another one; `others` are `rest_of`
        and `instead_of`. Raises Contradiction when it is not a batch of one bet."""
        deployment, block = self.deployment, logged.block
        self.add_batch(logged, batch, parts)
        bets = self.bets[batch] = read_bets(parts)
        if len(bets) != 1:
            raise Contradiction(f"batch {batch} has {len(bets)} bets instead of one")
        (bet,) = bets
        account, nonce, stake, time_s, payout_max, legs = bet
        self.add(
            Bet,
            *(deployment, batch, 0, block, account, nonce, stake, time_s, len(legs), payout_max),
            *others,
        )
        for leg, (market, outcome, odds) in enumerate(legs):
            fixture = market[:FIXTURE_BYTES]
            self.add(Leg, deployment, batch, 0, leg, block, market, fixture, outcome, odds)
        if len(legs) == 1:
            self.changes.add_market(legs[0].market, block)
        return bet


BET_HANDLERS: Handlers[BetRows] = {
    ev.BatchPlaced: BetRows.placed,
    ev.BatchSettled: BetRows.settled,
    ev.CashedOut: BetRows.cashed_out,
    ev.BetReplaced: BetRows.bet_replaced,
}
