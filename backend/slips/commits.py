"""Commits the house to a group of slips in one transaction, under the locks of their accounts and
of the bankroll.

Each slip is checked against what the ones before it in the group have left, as if it had come
after them. The transaction takes two round trips: one that locks and reads, one that writes.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from psycopg import DatabaseError, OperationalError
from psycopg.errors import LockNotAvailable

from backend.accounts.repository import lock_query, states_of_rows, states_query
from backend.accounts.state import AccountState
from backend.database import Connection, read_all
from backend.own_limits.repository import changes_of_rows, changes_query, use_of
from backend.own_limits.rules import Change, Use, check_stake
from backend.problems import Problem, bankroll_missing, busy, mirror_missing
from backend.services import Services
from backend.slips import repository, reserves
from backend.slips.account_checks import check_account
from backend.slips.house_checks import (
    Capacity,
    budget_of,
    check_budget,
    check_capacity,
    check_caps,
    risk_of,
)
from backend.slips.refusals import (
    CapExceeded,
    ExposureExceeded,
    ReceiptBudgetExceeded,
    ReceiptTooLarge,
)
from backend.slips.repository import AcceptedSlip, Submitted
from backend.slips.reserves import Reserved
from backend.slips.submissions import Acceptance, Commitment, same_slip
from backend.slips.terms import check_not_expired

Committed = Acceptance | Exception
OwnLimits = dict[int, tuple[Sequence[Change], Use]]


async def commit(services: Services, commitments: Sequence[Commitment]) -> list[Committed]:
    """For each commitment its acceptance, that of the same slip of before, or the refusal. A
    refused slip changes nothing. Raises what the database raises when it cannot be used."""
    try:
        async with services.database.pipelined_transaction() as connection:
            return await _commit(services, connection, commitments)
    except LockNotAvailable:
        return [busy() for _ in commitments]
    except OperationalError:
        raise
    except DatabaseError as error:
        if len(commitments) == 1:
            return [error]
    # A row that PostgreSQL refuses must not take those beside it along.
    return [(await commit(services, [commitment]))[0] for commitment in commitments]


async def _commit(
    services: Services, connection: Connection, commitments: Sequence[Commitment]
) -> list[Committed]:
    read = await _Read.of(services, connection, commitments)
    results, accepted = _decide(services, commitments, read)
    if results is None:
        read = await read.exactly(services, connection, commitments)
        results, accepted = _decide(services, commitments, read)
    assert results is not None, "what is exact is decided"
    if accepted:
        await repository.insert_slips(
            connection, [(one.slip, one.signature, one.accepted) for one in accepted]
        )
        window_s = services.windows.receipt_window_s
        await reserves.add(connection, map(_reserved, accepted), read.known_timestamp_s - window_s)
    return results


def _decide(
    services: Services, commitments: Sequence[Commitment], read: _Read
) -> tuple[list[Committed] | None, Sequence[Commitment]]:
    """For each commitment what becomes of it, and those that are accepted. None where a slip would
    be refused for what the house has left, and that is not known exactly."""
    quotes_micro = services.settings.quote_budget_micro or 0
    capacity = read.capacity
    book = _Book(
        services.windows.receipt_window_s,
        quotes_micro,
        dict(read.states),
        None if capacity is None else capacity.beside_quotes(quotes_micro),
        {fixture: dict(markets) for fixture, markets in read.locked_micro.items()},
        dict(read.own_limits),
    )
    results: list[Committed] = []
    for commitment, known in zip(commitments, read.earlier, strict=True):
        try:
            results.append(book.accept(commitment, known))
        except (ExposureExceeded, ReceiptBudgetExceeded, ReceiptTooLarge, CapExceeded) as refusal:
            if not read.exact:
                return None, ()
            results.append(refusal)
        except Problem as refusal:
            results.append(refusal)
    return results, book.accepted


def _reserved(commitment: Commitment) -> Reserved:
    slip, terms = commitment.slip, commitment.terms
    return Reserved(
        commitment.accepted.accepted_at_s,
        risk_of(slip, terms),
        budget_of(slip, terms),
        commitment.markets[0] if len(slip.legs) == 1 else None,
    )


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read for a group under its locks. `capacity` is None while the mirror has no book.
    Unless it is `exact`, the house has more left than `capacity` and `locked_micro` say."""

    states: dict[int, AccountState]
    earlier: Sequence[Sequence[AcceptedSlip]]
    own_limits: OwnLimits
    capacity: Capacity | None
    locked_micro: repository.LockedMicro
    known_timestamp_s: int
    exact: bool

    @classmethod
    async def of(
        cls, services: Services, connection: Connection, commitments: Sequence[Commitment]
    ) -> _Read:
        """Takes the locks, and reads."""
        key, block = services.mirror_key, _block(commitments)
        accounts = {one.slip.account for one in commitments}
        submitted = [one.submitted for one in commitments]
        fixtures = _fixtures(commitments)
        _, _, states, changes, earlier, kept, locked = await read_all(
            connection,
            lock_query(accounts),
            repository.LOCK_BANKROLL,
            states_query(key, accounts),
            changes_query(accounts),
            repository.accepted_query(submitted),
            reserves.kept_query(key, block),
            reserves.locked_query(key, fixtures),
        )
        totals = reserves.kept_of_rows(kept)
        read = cls(
            states=states_of_rows(states),
            earlier=repository.accepted_of_rows(submitted, earlier),
            own_limits=await _own_limits(services, connection, commitments, changes),
            capacity=None if totals is None else totals.capacity,
            locked_micro=reserves.locked_of_rows(locked),
            known_timestamp_s=0 if totals is None else totals.known_timestamp_s or 0,
            exact=totals is None,
        )
        if totals is None or totals.capacity is not None:
            return read
        if totals.known_timestamp_s is None:
            counted_s = await reserves.count_anew(connection, key, block)
            read = replace(read, known_timestamp_s=counted_s)
        return await read.exactly(services, connection, commitments)

    async def exactly(
        self, services: Services, connection: Connection, commitments: Sequence[Commitment]
    ) -> _Read:
        """The same with what the house has left counted slip by slip."""
        key = services.mirror_key
        fixtures = _fixtures(commitments)
        capacity = await repository.capacity(connection, key, _block(commitments))
        locked_micro = (
            await repository.locked_of_fixtures(connection, key, fixtures) if fixtures else {}
        )
        return replace(self, capacity=capacity, locked_micro=locked_micro, exact=True)


def _block(commitments: Sequence[Commitment]) -> int:
    """Known by the oldest of the group: what came after that block only counts twice."""
    return min(one.house.block for one in commitments)


def _fixtures(commitments: Sequence[Commitment]) -> set[bytes]:
    singles = (one.slip.legs[0] for one in commitments if len(one.slip.legs) == 1)
    return {leg.market.fixture for leg in singles}


async def _own_limits(
    services: Services,
    connection: Connection,
    commitments: Sequence[Commitment],
    rows: Iterable[dict[str, Any]],
) -> OwnLimits:
    times_s = {one.slip.account: one.now_s for one in commitments}
    return {
        account: (
            changes,
            await use_of(connection, services.mirror_key, account, times_s[account]),
        )
        for account, changes in changes_of_rows(rows).items()
    }


class _Book:
    """What accounts and house have left, less what the group has accepted so far. The house keeps
    `quotes_micro` for quotes, whether they are signed or not."""

    def __init__(
        self,
        window_s: int,
        quotes_micro: int,
        states: dict[int, AccountState],
        capacity: Capacity | None,
        locked_micro: repository.LockedMicro,
        own_limits: OwnLimits,
    ) -> None:
        self._window_s = window_s
        self._quotes_micro = quotes_micro
        self._states = states
        self._capacity = capacity
        self._locked_micro = locked_micro
        self._own_limits = own_limits
        self.accepted: list[Commitment] = []
        self._by_name: dict[tuple[int, str | bytes], AcceptedSlip] = {}

    def accept(self, commitment: Commitment, earlier: Sequence[AcceptedSlip]) -> Acceptance:
        """Raises the refusal when the slip cannot be accepted."""
        slip, terms, house = commitment.slip, commitment.terms, commitment.house
        submitted = commitment.submitted
        if known := [*earlier, *self._earlier_in_group(submitted)]:
            return Acceptance(same_slip(known, submitted), new=False)
        # It may have waited for its group, and for the locks.
        waited_s = int(time.monotonic() - commitment.priced_at)
        check_not_expired(slip, commitment.now_s + waited_s)
        state = self._states.get(slip.account)
        if state is None:
            raise mirror_missing()
        check_account(slip, state, state.nonces(self._window_s))
        if slip.account in self._own_limits:
            changes, use = self._own_limits[slip.account]
            check_stake(changes, use, slip.stake_micro, commitment.now_s)
        if self._capacity is None:
            raise bankroll_missing()
        reserve_micro = house.limits.receipt_reserve_micro
        check_capacity(slip, terms, self._capacity, reserve_micro)
        check_budget(slip, terms, self._capacity, house.receipt_key, reserve_micro, self._window_s)
        locked_micro: Mapping[bytes, int] = {}
        if len(slip.legs) == 1:
            locked_micro = self._locked_micro.get(slip.legs[0].market.fixture, {})
        check_caps(
            slip,
            terms,
            commitment.markets[0],
            house.limits,
            locked_micro,
            self._capacity.accumulators_micro,
            self._quotes_micro,
        )
        self._take(commitment, state, self._capacity)
        return Acceptance(commitment.accepted, True, commitment.expected_wait_s)

    def _earlier_in_group(self, wanted: Submitted) -> list[AcceptedSlip]:
        names = (wanted.account, wanted.idempotency_key), (wanted.account, wanted.struct_hash)
        found = [self._by_name[name] for name in names if name in self._by_name]
        return found[:1] if len({one.id for one in found}) == 1 else found

    def _take(self, commitment: Commitment, state: AccountState, capacity: Capacity) -> None:
        slip, accepted, terms = commitment.slip, commitment.accepted, commitment.terms
        risk_micro = risk_of(slip, terms)
        self._states[slip.account] = state.with_slip(slip.stake_micro, slip.nonce)
        if slip.account in self._own_limits:
            changes, use = self._own_limits[slip.account]
            self._own_limits[slip.account] = (changes, use.with_stake(slip.stake_micro))
        is_accumulator = len(slip.legs) > 1
        self._capacity = capacity.less(risk_micro, budget_of(slip, terms), is_accumulator)
        if not is_accumulator:
            market = commitment.markets[0]
            locked_micro = self._locked_micro.setdefault(slip.legs[0].market.fixture, {})
            locked_micro[market] = locked_micro.get(market, 0) + risk_micro
        self._by_name[slip.account, accepted.idempotency_key] = accepted
        self._by_name[slip.account, accepted.struct_hash] = accepted
        self.accepted.append(commitment)
