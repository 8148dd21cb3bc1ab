"""Commits the house to a group of slips in one transaction, under the locks of their accounts and
of the bankroll.

Each slip is checked against what the ones before it in the group have left, as if it had come
after them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from psycopg import DatabaseError, OperationalError
from psycopg.errors import LockNotAvailable

from backend.accounts.repository import account_states, lock_accounts
from backend.accounts.state import AccountState
from backend.database import Connection
from backend.own_limits.repository import changes_of, use_of
from backend.own_limits.rules import Change, Use, check_stake
from backend.problems import Problem, busy
from backend.services import Services, bankroll_missing
from backend.slips import repository
from backend.slips.account_checks import check_account
from backend.slips.house_checks import (
    Capacity,
    budget_of,
    check_budget,
    check_capacity,
    check_caps,
    risk_of,
)
from backend.slips.repository import AcceptedSlip
from backend.slips.submissions import Acceptance, Commitment, same_slip
from backend.stream_services import mirror_missing

Committed = Acceptance | Exception


async def commit(services: Services, commitments: Sequence[Commitment]) -> list[Committed]:
    """For each commitment its acceptance, that of the same slip of before, or the refusal. A
    refused slip changes nothing. Raises what the database raises when it cannot be used."""
    try:
        async with services.database.transaction() as connection:
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
    await lock_accounts(connection, (one.slip.account for one in commitments))
    await repository.lock_bankroll(connection)
    book = await _Book.read(services, connection, commitments)
    earlier = await repository.accepted_slips(connection, [one.submitted for one in commitments])
    results: list[Committed] = []
    for commitment, known in zip(commitments, earlier, strict=True):
        try:
            results.append(book.accept(commitment, known))
        except Problem as refusal:
            results.append(refusal)
    if book.accepted:
        await repository.insert_slips(
            connection, [(one.slip, one.signature, one.accepted) for one in book.accepted]
        )
    return results


class _Book:
    """What accounts and house have left, less what the group has accepted so far."""

    def __init__(
        self,
        window_s: int,
        states: dict[int, AccountState],
        capacity: Capacity | None,
        locked_micro: dict[bytes, dict[bytes, int]],
        own_limits: dict[int, tuple[Sequence[Change], Use]],
    ) -> None:
        self._window_s = window_s
        self._states = states
        self._capacity = capacity
        self._locked_micro = locked_micro
        self._own_limits = own_limits
        self.accepted: list[Commitment] = []

    @classmethod
    async def read(
        cls, services: Services, connection: Connection, commitments: Sequence[Commitment]
    ) -> _Book:
        accounts = [one.slip.account for one in commitments]
        # Known by the oldest of the group: what came after that block only counts twice.
        block = min(one.house.block for one in commitments)
        singles = [one.slip.legs[0] for one in commitments if len(one.slip.legs) == 1]
        fixtures = [leg.market.fixture for leg in singles]
        key = services.mirror_key
        times_s = {one.slip.account: one.now_s for one in commitments}
        own_limits: dict[int, tuple[Sequence[Change], Use]] = {
            account: (changes, await use_of(connection, key, account, times_s[account]))
            for account, changes in (await changes_of(connection, times_s)).items()
        }
        return cls(
            services.windows.receipt_window_s,
            await account_states(connection, key, accounts),
            await repository.capacity(connection, key, block),
            await repository.locked_of_fixtures(connection, key, fixtures) if fixtures else {},
            own_limits,
        )

    def accept(self, commitment: Commitment, earlier: Sequence[AcceptedSlip]) -> Acceptance:
        """Raises the refusal when the slip cannot be accepted."""
        slip, terms, house = commitment.slip, commitment.terms, commitment.house
        if known := [*earlier, *self._earlier_in_group(commitment)]:
            return Acceptance(same_slip(known, commitment.submitted), new=False)
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
        check_caps(slip, terms, house.limits, locked_micro, self._capacity.accumulators_micro)
        self._take(commitment, state, self._capacity)
        return Acceptance(commitment.accepted, True, commitment.expected_wait_s)

    def _earlier_in_group(self, commitment: Commitment) -> list[AcceptedSlip]:
        wanted = commitment.submitted
        return [
            one.accepted
            for one in self.accepted
            if one.slip.account == wanted.account
            and (
                one.accepted.idempotency_key == wanted.idempotency_key
                or one.accepted.struct_hash == wanted.struct_hash
            )
        ]

    def _take(self, commitment: Commitment, state: AccountState, capacity: Capacity) -> None:
        slip, terms = commitment.slip, commitment.terms
        risk_micro = risk_of(slip, terms)
        self._states[slip.account] = replace(
            state,
            pending_micro=state.pending_micro + slip.stake_micro,
            pending_nonces=[*state.pending_nonces, slip.nonce],
        )
        if slip.account in self._own_limits:
            changes, use = self._own_limits[slip.account]
            self._own_limits[slip.account] = (changes, use.with_stake(slip.stake_micro))
        is_accumulator = len(slip.legs) > 1
        self._capacity = replace(
            capacity,
            available_micro=capacity.available_micro - risk_micro,
            outstanding_micro=capacity.outstanding_micro + risk_micro,
            outstanding_budget_micro=(capacity.outstanding_budget_micro + budget_of(slip, terms)),
            accumulators_micro=capacity.accumulators_micro + (risk_micro if is_accumulator else 0),
        )
        if not is_accumulator:
            market = slip.legs[0].market
            locked_micro = self._locked_micro.setdefault(market.fixture, {})
            locked_micro[market.pack()] = locked_micro.get(market.pack(), 0) + risk_micro
        self.accepted.append(commitment)
