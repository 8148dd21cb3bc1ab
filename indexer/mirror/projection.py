"""Turns the events of a range into rows and deltas of the state; does no I/O.

Rows of events are complete here. Balances, exposures and the book are deltas, which
`head_state` adds to the stored amounts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from eth_utils.address import to_checksum_address

from indexer.chain.blocks import BlockRange
from indexer.decode import events as ev
from indexer.decode.bet_reader import Bet as PlacedBet
from indexer.decode.bet_reader import read_bets, split_stored
from indexer.errors import Contradiction
from indexer.mirror.book_change import settled_numbers
from indexer.mirror.placed_bets import add_placed
from indexer.mirror.row_changes import Changes
from indexer.mirror.tables import (
    Account,
    Batch,
    Bet,
    Block,
    BondPayment,
    Cancellation,
    Commission,
    Council,
    Dispute,
    Exclusion,
    ExitChange,
    HouseMovement,
    KeyGrant,
    KeyRetirement,
    Leg,
    Limits,
    MirrorRow,
    Movement,
    Relay,
    ResultChange,
    RoleChange,
    Settlement,
    ShareApproval,
    ShareMovement,
    ShareTransfer,
    Skip,
    Transaction,
)
from protocol.limits import LISTED_MARKET_BYTES
from protocol.market_id import FIXTURE_BYTES
from protocol.placed_event import PlacedParts, split_placed, unpack_payouts
from protocol.records import BASE_BYTES, with_stake

PAUSED_ROLE = "paused"


def earlier_batches(events: Sequence[ev.Logged]) -> set[int]:
    """The batches with bets that are settled in a range but were placed before it."""
    placed: set[int] = set()
    settled: set[int] = set()
    for logged in events:
        match logged.event:
            case ev.BatchPlaced(batch):
                placed.add(batch)
            case ev.BatchSettled(batch) | ev.BetReplaced(batch):
                settled.add(batch)
            case ev.CashedOut(batch, next=following):
                settled.add(batch)
                placed.add(following)
    return settled - placed


def remainder(event: ev.CashedOut) -> PlacedParts:
    """The batch with the remainder of a bet. Raises PackedInvalid."""
    record = with_stake(event.record, event.rest_micro)
    return split_stored(event.markets, record, 1)


def project(
    deployment: int, blocks: BlockRange, earlier: Mapping[int, Sequence[PlacedBet]]
) -> Changes:
    """The changes that a range makes. `earlier` has the bets of `earlier_batches`. Raises
    Contradiction for events that cannot follow each other, PackedInvalid for unreadable ones."""
    projection = _Projection(deployment, dict(earlier))
    projection.changes.rows[Block] = [
        (deployment, h.number, h.hash, h.parent_hash, h.timestamp_s) for h in blocks.headers
    ]
    for logged in blocks.events:
        _HANDLERS[type(logged.event)](projection, logged, logged.event)
    if projection.replaced:
        raise Contradiction("a bet is replaced, and none is placed instead")
    add_placed(projection.changes, deployment, projection.placed_batches)
    slips, settled = projection.tx_slips, projection.tx_settled
    projection.changes.rows[Transaction] = [
        (deployment, *at, slips[at], settled[at], None, None)
        for at in dict.fromkeys((*slips, *settled))
    ]
    return projection.changes


@lru_cache(maxsize=65_536)
def _address(raw: bytes) -> str:
    return to_checksum_address(raw)


@dataclass
class _Projection:
    deployment: int
    bets: dict[int, Sequence[PlacedBet]]
    changes: Changes = field(default_factory=Changes)
    placed_batches: dict[int, tuple[ev.Logged, PlacedParts]] = field(default_factory=dict)
    # By block and transaction: number of slips in it, number of bets that it settled.
    tx_slips: Counter[tuple[int, bytes]] = field(default_factory=Counter)
    tx_settled: Counter[tuple[int, bytes]] = field(default_factory=Counter)
    # Lists of markets whose fixtures are in `changes.first_seen`: batches repeat them.
    listed: set[bytes] = field(default_factory=set)
    # By transaction: a bet that the next one replaces, and its batch.
    replaced: dict[bytes, tuple[int, PlacedBet]] = field(default_factory=dict)

    def add(self, table: type[MirrorRow], *row: Any) -> None:
        self.changes.rows[table].append(row)

    def at(self, logged: ev.Logged) -> tuple[int, int, int]:
        return self.deployment, logged.block, logged.log_index

    def move(
        self,
        logged: ev.Logged,
        account: int,
        kind: str,
        delta_micro: int,
        by_exit: bool | None = None,
    ) -> None:
        self.changes.balances[account] += delta_micro
        self.add(
            Movement,
            *(*self.at(logged), 0, account, kind, delta_micro),
            *(None, None, by_exit, logged.tx_hash),
        )

    def opened(self, logged: ev.Logged, event: ev.AccountOpened) -> None:
        self.changes.balances[event.account] += 0
        self.add(
            Account,
            self.deployment,
            event.account,
            _address(event.owner),
            logged.block,
            logged.log_index,
        )

    def deposited(self, logged: ev.Logged, event: ev.Deposited) -> None:
        self.move(logged, event.account, "deposit", event.amount_micro)

    def withdrawn(self, logged: ev.Logged, event: ev.Withdrawn) -> None:
        account, amount_micro, deadline_s = event.withdrawal
        self.move(logged, account, "withdrawal", -amount_micro, by_exit=deadline_s == 0)

    def exit_requested(self, logged: ev.Logged, event: ev.ExitRequested) -> None:
        self.changes.exit_accounts.add(event.account)
        self.add(ExitChange, *self.at(logged), *event)

    def excluded(self, logged: ev.Logged, event: ev.SelfExcluded) -> None:
        self.add(Exclusion, *self.at(logged), *event)

    def nonces_cancelled(self, logged: ev.Logged, event: ev.NoncesCancelled) -> None:
        self.add(Cancellation, *self.at(logged), *event)

    def relayed(self, logged: ev.Logged, event: ev.Relayed) -> None:
        account, number, fee_micro, sender = event
        self.add(
            Relay,
            *(self.deployment, account, number, logged.block, logged.log_index),
            *(fee_micro, _address(sender)),
        )
        if fee_micro:
            self.move(logged, account, "fee", -fee_micro)

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

    def funded(self, logged: ev.Logged, event: ev.HouseFunded) -> None:
        self.changes.book.pool_micro += event.amount_micro
        self.add(HouseMovement, *self.at(logged), event.amount_micro, None)

    def released(self, logged: ev.Logged, event: ev.HouseReleased) -> None:
        self.changes.book.pool_micro -= event.amount_micro
        receiver = _address(event.receiver)
        self.add(HouseMovement, *self.at(logged), -event.amount_micro, receiver)

    def role_set(self, logged: ev.Logged, event: ev.RoleSet) -> None:
        contract, role, subject, value = event
        self.changes.pause_changed |= role == PAUSED_ROLE
        holder = None if subject is None else _address(subject)
        self.add(RoleChange, *self.at(logged), contract, role, holder, value)

    def limits_changed(self, logged: ev.Logged, event: ev.LimitsChanged) -> None:
        self.add(Limits, *self.at(logged), *event)

    def key_granted(self, logged: ev.Logged, event: ev.KeyGranted) -> None:
        self.add(
            KeyGrant,
            *(self.deployment, _address(event.address), logged.block, logged.log_index),
            *(event.role, event.budget_micro, event.from_s),
        )

    def key_retired(self, logged: ev.Logged, event: ev.KeyRetired) -> None:
        address = _address(event.address)
        self.add(KeyRetirement, self.deployment, address, logged.block, logged.log_index)

    def results_set(self, logged: ev.Logged, event: ev.ResultsSet) -> None:
        kind = "corrected" if event.published_at_s is None else "published"
        times = (event.published_at_s, event.final_at_s)
        for seq, result in enumerate(event.results):
            self.changes.fixtures.add(result.fixture)
            if event.published_at_s is not None:
                self.changes.first_seen.setdefault(result.fixture, (logged.block, logged.log_index))
            self.add(ResultChange, *self.at(logged), seq, kind, *result, *times)

    def disputed(self, logged: ev.Logged, event: ev.ResultDisputed) -> None:
        self.changes.fixtures.add(event.fixture)
        absent = (None,) * 7
        self.add(
            ResultChange,
            *(*self.at(logged), 0, "disputed", event.fixture, *absent, event.final_at_s),
        )
        terms = (event.fixture, _address(event.by), event.bond_micro)
        self.add(Dispute, *self.at(logged), *terms, None)

    def dispute_closed(self, logged: ev.Logged, event: ev.DisputeClosed) -> None:
        terms = (event.fixture, _address(event.by), event.bond_micro)
        self.add(Dispute, *self.at(logged), *terms, event.refunded)

    def bonds_paid(self, logged: ev.Logged, event: ev.BondsPaid) -> None:
        self.add(BondPayment, *self.at(logged), _address(event.to), event.amount_micro)

    def council_set(self, logged: ev.Logged, event: ev.CouncilSet) -> None:
        signers = "{" + ",".join(map(_address, event.signers)) + "}"
        self.add(
            Council,
            *(*self.at(logged), signers, event.threshold, _address(event.arbiter)),
            *(event.from_s, event.term),
        )

    def commission_moved(self, logged: ev.Logged, event: ev.CommissionMoved) -> None:
        self.add(Commission, *self.at(logged), *event)

    def transferred(self, logged: ev.Logged, event: ev.SharesTransferred) -> None:
        sender, receiver = _address(event.sender), _address(event.receiver)
        self.add(ShareTransfer, *self.at(logged), sender, receiver, event.shares)

    def approved(self, logged: ev.Logged, event: ev.SharesApproved) -> None:
        owner, spender = _address(event.owner), _address(event.spender)
        self.add(ShareApproval, *self.at(logged), owner, spender, event.shares)

    def bought(self, logged: ev.Logged, event: ev.SharesBought) -> None:
        sender, owner = _address(event.sender), _address(event.owner)
        self.add(
            ShareMovement,
            *(*self.at(logged), "deposit", sender, owner, owner),
            *(event.assets, event.shares),
        )

    def sold(self, logged: ev.Logged, event: ev.SharesSold) -> None:
        people = (_address(p) for p in (event.sender, event.receiver, event.owner))
        self.add(
            ShareMovement,
            *(*self.at(logged), "withdrawal", *people),
            *(-event.assets, -event.shares),
        )


_HANDLERS: dict[type[ev.Event], Callable[[_Projection, ev.Logged, Any], None]] = {
    ev.AccountOpened: _Projection.opened,
    ev.Deposited: _Projection.deposited,
    ev.Withdrawn: _Projection.withdrawn,
    ev.ExitRequested: _Projection.exit_requested,
    ev.BatchPlaced: _Projection.placed,
    ev.BatchSettled: _Projection.settled,
    ev.HouseFunded: _Projection.funded,
    ev.HouseReleased: _Projection.released,
    ev.RoleSet: _Projection.role_set,
    ev.ResultsSet: _Projection.results_set,
    ev.ResultDisputed: _Projection.disputed,
    ev.DisputeClosed: _Projection.dispute_closed,
    ev.BondsPaid: _Projection.bonds_paid,
    ev.CouncilSet: _Projection.council_set,
    ev.CommissionMoved: _Projection.commission_moved,
    ev.LimitsChanged: _Projection.limits_changed,
    ev.KeyGranted: _Projection.key_granted,
    ev.KeyRetired: _Projection.key_retired,
    ev.SelfExcluded: _Projection.excluded,
    ev.NoncesCancelled: _Projection.nonces_cancelled,
    ev.CashedOut: _Projection.cashed_out,
    ev.BetReplaced: _Projection.bet_replaced,
    ev.Relayed: _Projection.relayed,
    ev.SharesTransferred: _Projection.transferred,
    ev.SharesApproved: _Projection.approved,
    ev.SharesBought: _Projection.bought,
    ev.SharesSold: _Projection.sold,
}
