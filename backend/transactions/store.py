"""Reads and writes the rows of transactions; never talks to the chain.

Every function is one SQL transaction, or part of the caller's when it is given a session. What a
caller sends afterwards is already written down.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Engine, and_, func, or_, text
from sqlmodel import Session, SQLModel, col, select, update

from backend.transactions.fee_offer import Fees
from backend.transactions.locks import hold_in_transaction
from backend.transactions.node import Call, Receipt
from backend.transactions.signer import Payload, Signed
from backend.transactions.tables import (
    ChainTransaction,
    TransactionAttempt,
    TransactionKind,
    TransactionStatus,
)

_WAITING = (TransactionStatus.PREPARED, TransactionStatus.SENT)

_FEES_COMMITTED = text("""
SELECT coalesce((SELECT sum(fee_wei) FROM backend.chain_transaction
                 WHERE chain_id = :chain AND sender = :sender AND included_s >= :since), 0)
     + coalesce((SELECT sum(t.gas_limit * taken.price)
                 FROM backend.chain_transaction t
                 CROSS JOIN LATERAL (
                     SELECT max(a.max_fee_wei) AS price FROM backend.transaction_attempt a
                     WHERE a.transaction = t.id AND a.taken
                 ) taken
                 WHERE t.chain_id = :chain AND t.sender = :sender AND t.id <> :besides
                   AND t.status IN ('prepared', 'sent')), 0)
""")


@dataclass(frozen=True, slots=True)
class Intent:
    """A transaction that must happen once; `dedupe_key` identifies it."""

    kind: TransactionKind
    dedupe_key: str
    call: Call


@dataclass(frozen=True, slots=True)
class Attempt:
    """A signed form of a transaction that was written down and perhaps sent; `taken` when we know
    that a node has it."""

    number: int
    hash: bytes
    raw: bytes
    fees: Fees
    cancels: bool
    created_s: int
    taken: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """A transaction's row with its attempts, oldest first."""

    id: uuid.UUID
    kind: TransactionKind
    payload: Payload
    status: TransactionStatus
    cancelled: bool
    confirmed: bool
    block: int | None
    block_hash: bytes | None
    created_s: int
    attempts: tuple[Attempt, ...]
    fee_cap_wei: int | None = None
    valid_from_s: int | None = None
    valid_until_s: int | None = None

    @property
    def rival(self) -> Attempt | None:
        """The attempt with the highest price that a node took: the next one has to outbid it."""
        taken = [attempt for attempt in self.attempts if attempt.taken]
        return max(taken, key=lambda attempt: attempt.fees.max_fee_wei, default=None)

    @property
    def nonce(self) -> int:
        """The sender's nonce that the transaction uses."""
        return self.payload.nonce

    def too_early(self, block_s: int) -> bool:
        """Whether the payload has no effect yet in a block of that time."""
        return not self.cancelled and block_s < (self.valid_from_s or block_s)

    def too_late(self, block_s: int) -> bool:
        """Whether the payload has no effect any more in a block of that time."""
        return not self.cancelled and block_s > (self.valid_until_s or block_s)

    @property
    def waiting(self) -> bool:
        """Whether, by its row, it is not mined yet."""
        return self.status in _WAITING


class Prepared(NamedTuple):
    """The row of an intent; `new` unless its dedupe key existed before."""

    id: uuid.UUID
    new: bool


def prepare(
    session: Session, intent: Intent, sender: str, chain_id: int, chain_nonce: int, now_s: int
) -> Prepared:
    """Write an intent down with the sender's next nonce, within the caller's transaction.

    `chain_nonce` is the number of the sender's transactions on the chain, read before the SQL
    transaction began. An intent whose dedupe key exists is the existing row.
    """
    hold_in_transaction(session, f"nonce:{chain_id}:{sender}")
    known = session.exec(
        select(ChainTransaction.id).where(ChainTransaction.dedupe_key == intent.dedupe_key)
    ).first()
    if known is not None:
        return Prepared(known, new=False)
    highest = session.exec(
        select(func.max(ChainTransaction.nonce)).where(
            ChainTransaction.chain_id == chain_id, ChainTransaction.sender == sender
        )
    ).one()
    row = ChainTransaction(
        id=uuid.uuid4(),
        chain_id=chain_id,
        sender=sender,
        nonce=chain_nonce if highest is None else max(highest + 1, chain_nonce),
        kind=intent.kind,
        dedupe_key=intent.dedupe_key,
        to_address=intent.call.to_address,
        data=intent.call.data,
        gas_limit=intent.call.gas_limit,
        valid_from_s=intent.call.valid_from_s,
        valid_until_s=intent.call.valid_until_s,
        status=TransactionStatus.PREPARED,
        created_s=now_s,
    )
    session.add(row)
    session.flush()
    return Prepared(row.id, new=True)


def prepare_with(
    engine: Engine,
    intent: Intent,
    sender: str,
    chain_id: int,
    chain_nonce: int,
    now_s: int,
    rows_of: Callable[[uuid.UUID], Iterable[SQLModel]],
) -> None:
    """Write an intent down together with the rows that say what travels in it; an intent that
    exists already changes nothing."""
    with Session(engine) as session, session.begin():
        prepared = prepare(session, intent, sender, chain_id, chain_nonce, now_s)
        if prepared.new:
            session.add_all(rows_of(prepared.id))


def unsettled(engine: Engine, chain_id: int, sender: str, mined_nonce: int) -> list[Standing]:
    """The sender's transactions that need a step, by nonce: those not mined yet, those that a reorg
    can still undo, and those that a reorg did undo (their nonce is at least `mined_nonce`)."""
    with Session(engine) as session:
        rows = session.exec(
            select(ChainTransaction)
            .where(
                ChainTransaction.chain_id == chain_id,
                ChainTransaction.sender == sender,
                or_(
                    col(ChainTransaction.status).in_(_WAITING),
                    and_(
                        ~col(ChainTransaction.confirmed),
                        col(ChainTransaction.status) != TransactionStatus.REPLACED,
                    ),
                    col(ChainTransaction.nonce) >= mined_nonce,
                ),
            )
            .order_by(col(ChainTransaction.nonce))
        ).all()
        attempts = session.exec(
            select(TransactionAttempt)
            .where(col(TransactionAttempt.transaction).in_([row.id for row in rows]))
            .order_by(col(TransactionAttempt.number))
        ).all()
        return [_standing(row, [a for a in attempts if a.transaction == row.id]) for row in rows]


def add_attempt(
    engine: Engine, standing: Standing, signed: Signed, fees: Fees, cancels: bool, now_s: int
) -> None:
    """Write a signed transaction down before it is sent."""
    with Session(engine) as session:
        session.add(
            TransactionAttempt(
                transaction=standing.id,
                number=len(standing.attempts),
                hash=signed.hash,
                raw=signed.raw,
                max_fee_wei=fees.max_fee_wei,
                priority_fee_wei=fees.priority_fee_wei,
                cancels=cancels,
                created_s=now_s,
            )
        )
        _set(session, standing.id, hash=signed.hash, max_fee_wei=fees.max_fee_wei)
        session.commit()


def mark_sent(engine: Engine, standing: Standing) -> None:
    """The node has the transaction's last attempt."""
    with Session(engine) as session:
        _set(session, standing.id, status=TransactionStatus.SENT)
        session.exec(
            update(TransactionAttempt)
            .where(
                col(TransactionAttempt.transaction) == standing.id,
                col(TransactionAttempt.number) == standing.attempts[-1].number,
            )
            .values(taken=True)
        )
        session.commit()


def mark_fee_refused(engine: Engine, standing: Standing, fee_cap_wei: int) -> None:
    """A node refused the transaction's whole fee; it takes one of at most `fee_cap_wei`."""
    _update(engine, standing.id, fee_cap_wei=fee_cap_wei)


def mark_cancelled(engine: Engine, standing: Standing, gas_cap: int | None = None) -> None:
    """The payload will never be accepted; only its nonce still has to be used up. `gas_cap` is
    what a refusal of its gas limit taught."""
    _update(engine, standing.id, cancelled=True, gas_cap=gas_cap)


def learnt_gas_cap(engine: Engine, chain_id: int, since_s: int) -> int | None:
    """The lowest cap that refusals of transactions prepared since then taught."""
    with Session(engine) as session:
        return session.exec(
            select(func.min(ChainTransaction.gas_cap)).where(
                ChainTransaction.chain_id == chain_id,
                ChainTransaction.created_s >= since_s,
                col(ChainTransaction.gas_cap).is_not(None),
            )
        ).one()


def learnt_fee_cap_wei(engine: Engine, chain_id: int, since_s: int) -> int | None:
    """The lowest cap on a whole fee that refusals of transactions prepared since then taught."""
    with Session(engine) as session:
        found = session.exec(
            select(func.min(ChainTransaction.fee_cap_wei)).where(
                ChainTransaction.chain_id == chain_id,
                ChainTransaction.created_s >= since_s,
                col(ChainTransaction.fee_cap_wei).is_not(None),
            )
        ).one()
        return None if found is None else int(found)


def fees_committed_wei(
    engine: Engine, chain_id: int, sender: str, since_s: int, besides: uuid.UUID
) -> int:
    """What the sender's other transactions paid since then, and what those that nodes have and that
    are not mined yet can still pay."""
    with Session(engine) as session:
        values = {"chain": chain_id, "sender": sender, "since": since_s, "besides": besides}
        return int(session.execute(_FEES_COMMITTED, values).scalar_one())


def mark_returned(engine: Engine, standing: Standing) -> None:
    """A reorg removed it from the chain: it waits again."""
    _update(
        engine,
        standing.id,
        status=TransactionStatus.SENT if standing.attempts else TransactionStatus.PREPARED,
        confirmed=False,
        block=None,
        block_hash=None,
        gas_used=None,
        fee_wei=None,
        included_s=None,
    )


def mark_included(
    engine: Engine,
    standing: Standing,
    attempt: Attempt,
    receipt: Receipt,
    confirmed: bool,
    now_s: int,
) -> TransactionStatus:
    """One of its attempts was mined. Returns the resulting status."""
    if attempt.cancels:
        status = TransactionStatus.REPLACED
    elif receipt.succeeded:
        status = TransactionStatus.MINED
    else:
        status = TransactionStatus.FAILED
    _update(
        engine,
        standing.id,
        status=status,
        confirmed=confirmed,
        hash=attempt.hash,
        block=receipt.block,
        block_hash=receipt.block_hash,
        gas_used=receipt.gas_used,
        fee_wei=receipt.fee_wei,
        included_s=func.coalesce(ChainTransaction.included_s, now_s),
    )
    return status


def mark_replaced(engine: Engine, standing: Standing) -> None:
    """A transaction that is not ours used the nonce, too deep for a reorg to undo."""
    _update(engine, standing.id, status=TransactionStatus.REPLACED, confirmed=True)


def _update(engine: Engine, transaction: uuid.UUID, **values: object) -> None:
    with Session(engine) as session:
        _set(session, transaction, **values)
        session.commit()


def _set(session: Session, transaction: uuid.UUID, **values: object) -> None:
    session.exec(
        update(ChainTransaction).where(col(ChainTransaction.id) == transaction).values(**values)
    )


def _standing(row: ChainTransaction, attempts: Sequence[TransactionAttempt]) -> Standing:
    return Standing(
        id=row.id,
        kind=TransactionKind(row.kind),
        payload=Payload(row.chain_id, row.nonce, row.to_address, row.data, row.gas_limit),
        status=TransactionStatus(row.status),
        cancelled=row.cancelled,
        confirmed=row.confirmed,
        block=row.block,
        block_hash=row.block_hash,
        created_s=row.created_s,
        attempts=tuple(
            Attempt(
                number=a.number,
                hash=a.hash,
                raw=a.raw,
                fees=Fees(int(a.max_fee_wei), int(a.priority_fee_wei)),
                cancels=a.cancels,
                created_s=a.created_s,
                taken=a.taken,
            )
            for a in attempts
        ),
        fee_cap_wei=None if row.fee_cap_wei is None else int(row.fee_cap_wei),
        valid_from_s=row.valid_from_s,
        valid_until_s=row.valid_until_s,
    )
