"""Writes transactions down, each with the call that was simulated for it.

A service chooses items (slips, results, runs) and builds the call that carries some of them. What
is simulated is what is sent: `Outbox.simulate` keeps each call that passed, and `Outbox.write`
stores that same call. Nothing is sent here; `delivery` does that.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from sqlalchemy import Engine
from sqlmodel import SQLModel

from backend.transactions.errors import CallReverted
from backend.transactions.gas import LEARNT_CAP_LIFE_S, gas_cap, gas_within_fee_cap
from backend.transactions.node import Call, Head, Node
from backend.transactions.store import (
    Intent,
    learnt_fee_cap_wei,
    learnt_gas_cap,
    prepare_with,
)
from backend.transactions.tables import TransactionKind

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Simulated(Generic[T]):
    """Items that fit one transaction, and the call that carries them and passed."""

    items: tuple[T, ...]
    call: Call


@dataclass(frozen=True, slots=True)
class Reverting(Generic[T]):
    """An item whose call reverts even when it is alone, and the error."""

    item: T
    error: CallReverted


@dataclass(frozen=True, slots=True)
class Simulation(Generic[T]):
    """What became of some items: calls that passed, in their order, and items that revert even
    alone."""

    passing: list[Simulated[T]]
    reverting: list[Reverting[T]]


@dataclass(frozen=True, slots=True)
class Contents(Generic[T]):
    """What a written transaction is for: its kind, the key that keeps it from being written twice,
    and the rows that say which items travel in the transaction with the given id."""

    kind: TransactionKind
    dedupe_key: Callable[[Sequence[T]], str]
    rows: Callable[[Sequence[T], uuid.UUID], Iterable[SQLModel]]


class Outbox:
    """Simulates calls of one sender, and writes them down to be delivered. `max_gas` is the
    setting of how much gas one may ask for."""

    def __init__(self, engine: Engine, node: Node, sender: str, max_gas: int) -> None:
        self._engine = engine
        self._node = node
        self._sender = sender
        self._max_gas = max_gas

    def gas_cap(self, head: Head, now_s: int) -> int:
        """The maximum gas limit of a call, by the head's block limit, its base fee and recent
        refusals."""
        since_s = now_s - LEARNT_CAP_LIFE_S
        learnt = learnt_gas_cap(self._engine, self._node.chain_id, since_s)
        cap = gas_cap(head.gas_limit, self._max_gas, learnt)
        fee_cap_wei = learnt_fee_cap_wei(self._engine, self._node.chain_id, since_s)
        return gas_within_fee_cap(cap, fee_cap_wei, head.base_fee_wei)

    def simulate(
        self,
        items: Sequence[T],
        build: Callable[[Sequence[T]], Call],
        call_errors: frozenset[str] = frozenset(),
    ) -> Simulation[T]:
        """Split items into calls that pass, in their order, and items that revert even alone.

        Raises NodeUnreachable, and CallReverted for an error that `call_errors` names: it is about
        every call of this kind, not about an item.
        """

        def passing_call(some: Sequence[T]) -> Call:
            call = build(some)
            self._node.simulate(self._sender, call)
            return call

        return split_by_reverts(items, passing_call, call_errors)

    def write(self, simulated: Sequence[Simulated[T]], contents: Contents[T], now_s: int) -> None:
        """Write simulated calls down, each with its rows in one SQL transaction; one whose key is
        known changes nothing. Raises NodeUnreachable."""
        if not simulated:
            return
        chain_nonce = self._node.nonce(self._sender)
        for group in simulated:
            prepare_with(
                self._engine,
                Intent(contents.kind, contents.dedupe_key(group.items), group.call),
                self._sender,
                self._node.chain_id,
                chain_nonce,
                now_s,
                partial(contents.rows, group.items),
            )


def split_by_reverts(
    items: Sequence[T],
    passing_call: Callable[[Sequence[T]], Call],
    call_errors: frozenset[str],
) -> Simulation[T]:
    """Halve the items until each part passes, or is one item that reverts.

    `passing_call` returns the call of some items, or raises CallReverted. Once the items that
    revert are out, the others are tried together again.
    """
    passing, reverting = _halve(items, passing_call, call_errors)
    if reverting and len(passing) > 1:
        rest = [item for group in passing for item in group.items]
        passing, more = _halve(rest, passing_call, call_errors)
        reverting += more
    return Simulation(passing, reverting)


def _halve(
    items: Sequence[T],
    passing_call: Callable[[Sequence[T]], Call],
    call_errors: frozenset[str],
) -> tuple[list[Simulated[T]], list[Reverting[T]]]:
    if not items:
        return [], []
    try:
        return [Simulated(tuple(items), passing_call(items))], []
    except CallReverted as error:
        if error.error in call_errors:
            raise
        if len(items) == 1:
            return [], [Reverting(items[0], error)]
    middle = len(items) // 2
    left, left_reverting = _halve(items[:middle], passing_call, call_errors)
    right, right_reverting = _halve(items[middle:], passing_call, call_errors)
    return left + right, left_reverting + right_reverting
