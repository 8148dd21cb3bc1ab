"""Compares the mirror with the contracts at the mirror's head; repairs nothing.

The mirror is read in one snapshot; the contracts are called afterwards, at the snapshot's block.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg

from indexer.chain.blocks import BlockRef
from indexer.chain.contract_calls import ContractReader, ViewCall
from indexer.chain.endpoints import Endpoints
from indexer.deployment import Deployment
from indexer.errors import IndexerError
from indexer.mirror.checkpoint import read_checkpoint
from protocol.limits import NONCE_WINDOW, WITHDRAWAL_SEQUENCES
from protocol.placed_batch import unpack_batch
from protocol.records import PackedInvalid

Connection = psycopg.Connection[tuple[Any, ...]]

_BOOK = """
SELECT pool_micro, open_stakes_micro, locked_micro, batch_count, paused::int
FROM mirror.book WHERE deployment = %s
"""
# The nonces that the contract stores: the highest, and which of those in the window below it were
# used.
_ACCOUNTS = """
SELECT a.account, a.owner, h.balance_micro, coalesce(n.nonce, 0), coalesce(n.used, '{}'),
    w.withdrawals, coalesce(e.amount_micro, 0), coalesce(e.unlocks_at_s, 0),
    coalesce(x.from_s, 0), coalesce(x.until_s, 0)
FROM mirror.account a
LEFT JOIN mirror.balance h USING (deployment, account)
LEFT JOIN mirror.exit_request e USING (deployment, account)
LEFT JOIN LATERAL (
    SELECT max(nonce) AS nonce, array_agg(nonce) AS used FROM (
        SELECT nonce FROM mirror.bet b
        WHERE b.deployment = a.deployment AND b.account = a.account AND b.rest_of IS NULL
        ORDER BY nonce DESC LIMIT %(nonces)s) AS newest) AS n ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS withdrawals FROM mirror.movement m
    WHERE m.deployment = a.deployment AND m.account = a.account
        AND m.kind = 'withdrawal' AND NOT m.by_exit) AS w ON true
LEFT JOIN LATERAL (
    SELECT from_s, until_s FROM mirror.exclusion x
    WHERE x.deployment = a.deployment AND x.account = a.account
    ORDER BY block DESC, log_index DESC LIMIT 1) AS x ON true
WHERE a.deployment = %(deployment)s ORDER BY a.account
"""
_EXPOSURES = """
SELECT market, payout_0_micro, payout_1_micro, payout_2_micro, stakes_micro
FROM mirror.exposure WHERE deployment = %s ORDER BY market
"""
_BATCHES = """
SELECT b.batch, b.markets, b.records, b.placed, b.open_bets,
    coalesce((SELECT array_agg(s.bet) FROM mirror.settlement s
              WHERE s.deployment = b.deployment AND s.batch = b.batch), '{}')
FROM mirror.batch b WHERE b.deployment = %s ORDER BY b.batch
"""
_RESULTS = """
SELECT fixture, status, home_half, away_half, home_full, away_full, settled_at_s,
    published_at_s, final_at_s
FROM mirror.result WHERE deployment = %s ORDER BY fixture
"""
_SHARES = """
SELECT coalesce(sum(CASE WHEN sender = %(zero)s THEN shares ELSE 0 END
                  - CASE WHEN receiver = %(zero)s THEN shares ELSE 0 END), 0)
FROM mirror.share_transfer WHERE deployment = %(deployment)s
"""
_SHARE_PRICE = """
SELECT enter_micro, leave_micro FROM mirror.share_price
WHERE deployment = %s AND commission_bps IS NOT NULL
"""
_ONE_SHARE = 10**12
_ZERO_ADDRESS = "0x" + "0" * 40


@dataclass(frozen=True, slots=True)
class Check:
    """A view of a contract and the words with which its answer must begin."""

    subject: str
    call: ViewCall
    words: tuple[int, ...]


@dataclass
class Snapshot:
    """All checks of the mirror at one head."""

    head: BlockRef
    checks: list[Check] = field(default_factory=list)


def read_snapshot(connection: Connection, deployment: Deployment) -> Snapshot:
    """Read the mirror. Raises IndexerError when it is empty."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        checkpoint = read_checkpoint(connection, deployment.chain_id, deployment.sportsbook)
        if checkpoint is None:
            raise IndexerError(
                f"the mirror of {deployment.sportsbook} is empty: python -m indexer run"
            )
        snapshot = Snapshot(checkpoint.head.ref)
        for checks in (_book, _accounts, _exposures, _batches, _results, _shares):
            snapshot.checks += checks(connection, checkpoint.deployment)
    return snapshot


def first_difference(
    snapshot: Snapshot, endpoints: Endpoints, deployment: Deployment
) -> str | None:
    """A sentence about the first difference between mirror and contracts, None without one. Raises
    IndexerError when the mirror's head is no longer on the chain, NodeUnavailable."""
    contracts = ContractReader(endpoints, deployment, snapshot.head.number)
    _check_head(snapshot, endpoints)
    answers = contracts.call_all(check.call for check in snapshot.checks)
    for check, answer in zip(snapshot.checks, answers, strict=True):
        if tuple(answer[: len(check.words)]) != check.words:
            _check_head(snapshot, endpoints)
            return (
                f"{check.subject}: the mirror has {_shown(check.words)}, the contract"
                f" {_shown(answer[: len(check.words)])} at block {snapshot.head.number}"
            )
    _check_head(snapshot, endpoints)
    return None


def _check_head(snapshot: Snapshot, endpoints: Endpoints) -> None:
    block = endpoints.call("eth_getBlockByNumber", hex(snapshot.head.number), False)
    if block is None or block.get("hash") != "0x" + snapshot.head.hash.hex():
        raise IndexerError(
            f"block {snapshot.head.number}, the mirror's head, is no longer on the chain; wait for"
            " the indexer to catch up, then verify again"
        )


def _book(connection: Connection, number: int) -> Iterator[Check]:
    row = connection.execute(_BOOK, (number,)).fetchone()
    assert row is not None
    yield Check("the book", ("Sportsbook", "book", ()), tuple(row))


def _accounts(connection: Connection, number: int) -> Iterator[Check]:
    count = 0
    for account, owner, balance, nonce, used, withdrawals, *second in connection.execute(
        _ACCOUNTS, {"deployment": number, "nonces": NONCE_WINDOW + 1}
    ):
        count += 1
        yield Check(
            f"account {account} (owner, balance, nonce, window, sequence)",
            ("Sportsbook", "accountAt", (account,)),
            (
                *(int(owner, 16), balance or 0, nonce, nonce_window(nonce, used)),
                withdrawals % WITHDRAWAL_SEQUENCES,
            ),
        )
        amount, unlocks_at_s, from_s, until_s = second
        yield Check(
            f"the exit of account {account}",
            ("Sportsbook", "exitOf", (account,)),
            (amount, unlocks_at_s),
        )
        yield Check(
            f"the exclusion of account {account}",
            ("Sportsbook", "exclusionOf", (account,)),
            (from_s, until_s),
        )
    yield Check("the number of accounts", ("Sportsbook", "accountCount", ()), (count,))


def nonce_window(highest: int, used: Iterable[int]) -> int:
    """Bit i is set when nonce highest - 1 - i was used; nonce 0 counts as used once any was."""
    known = {*used, 0} if highest else set()
    return sum(1 << i for i in range(NONCE_WINDOW) if highest - 1 - i in known)


def _exposures(connection: Connection, number: int) -> Iterator[Check]:
    for market, *amounts in connection.execute(_EXPOSURES, (number,)):
        yield Check(
            f"the exposure of market 0x{bytes(market).hex()}",
            ("Sportsbook", "exposureOf", (int.from_bytes(market, "big"),)),
            tuple(amounts),
        )


def _batches(connection: Connection, number: int) -> Iterator[Check]:
    for batch, markets, records, placed, open_bets, settled in connection.execute(
        _BATCHES, (number,)
    ):
        bits = sum(1 << bet for bet in settled)
        if placed - len(settled) != open_bets:
            raise IndexerError(
                f"batch {batch} has open_bets {open_bets} but {placed - len(settled)} open bets:"
                " python -m indexer rebuild"
            )
        try:
            stored = unpack_batch(markets, records).commitment if open_bets else b""
        except PackedInvalid as error:
            raise IndexerError(f"batch {batch}: {error}: python -m indexer rebuild") from error
        yield Check(
            f"the commitment of batch {batch}",
            ("Sportsbook", "batches", (batch,)),
            (int.from_bytes(stored, "big"),),
        )
        yield Check(
            f"the settled bets of batch {batch}",
            ("Sportsbook", "settledBits", (batch,)),
            (bits if open_bets else 0,),
        )


def _results(connection: Connection, number: int) -> Iterator[Check]:
    for fixture, *terms in connection.execute(_RESULTS, (number,)):
        yield Check(
            f"the result of fixture 0x{bytes(fixture).hex()}",
            ("Sportsbook", "resultOf", (bytes(fixture),)),
            tuple(terms),
        )


def _shares(connection: Connection, number: int) -> Iterator[Check]:
    row = connection.execute(_SHARES, {"deployment": number, "zero": _ZERO_ADDRESS}).fetchone()
    assert row is not None
    yield Check("the bankroll's shares", ("Bankroll", "totalSupply", ()), (int(row[0]),))
    prices = connection.execute(_SHARE_PRICE, (number,)).fetchone()
    if prices is None:
        raise IndexerError(
            "the price of a share is not known yet: start python -m indexer run once, which stores"
            " the commission rate"
        )
    for purpose, view, price in zip(
        ("to buy", "to sell"), ("previewMint", "previewRedeem"), prices, strict=True
    ):
        yield Check(
            f"the price of a share {purpose}", ("Bankroll", view, (_ONE_SHARE,)), (int(price or 0),)
        )


def _shown(words: Iterable[int]) -> str:
    return ", ".join(hex(word) if word >= 2**64 else str(word) for word in words)
