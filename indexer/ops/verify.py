"""Compares the mirror with the contracts at the mirror's head, and the tokens that the sportsbook
holds with what it owes; repairs nothing.

The mirror is read in one snapshot; the contracts are called afterwards, at the snapshot's block.
The mirror does not know which key signed a receipt or a cash-out, so what is left of a key's budget
is not compared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
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
from protocol.placed_event import unpack_batch
from protocol.records import PackedInvalid
from protocol.scale import MICRO_DECIMALS, Scale

Connection = psycopg.Connection[tuple[Any, ...]]

_BOOK = """
SELECT paused::int, pool_micro, owed_micro, locked_micro, accumulators_micro, batch_count
FROM mirror.book WHERE deployment = %s
"""
# The nonces that the contract stores: the newest that bets have used, and up to which one all count
# as used because they were cancelled. The contract counts a cancellation's nonces as used at the
# next one, or at the first bet or deposit that is later than it, and than the end of the exclusion
# that was then the newest, by more than the receipt window.
_ACCOUNTS = """
SELECT a.account, a.owner, h.balance_micro, coalesce(n.used, '{}'),
    greatest(older.last_nonce, CASE WHEN lifted.used THEN c.last_nonce END, 0),
    w.withdrawals, coalesce(e.amount_micro, 0), coalesce(e.unlocks_at_s, 0),
    (SELECT count(*) FROM mirror.relay r
     WHERE r.deployment = a.deployment AND r.account = a.account),
    coalesce(x.from_s, 0), coalesce(x.until_s, 0), coalesce(before.until_s, 0),
    coalesce(c.cancelled_at_s, 0), coalesce(c.last_nonce, 0), coalesce(older.last_nonce, 0)
FROM mirror.account a
LEFT JOIN mirror.balance h USING (deployment, account)
LEFT JOIN mirror.exit_request e USING (deployment, account)
LEFT JOIN LATERAL (
    SELECT array_agg(nonce) AS used FROM (
        SELECT nonce FROM mirror.bet b
        WHERE b.deployment = a.deployment AND b.account = a.account AND b.rest_of IS NULL
            AND b.instead_of IS NULL
        ORDER BY nonce DESC LIMIT %(nonces)s) AS newest) AS n ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS withdrawals FROM mirror.movement m
    WHERE m.deployment = a.deployment AND m.account = a.account
        AND m.kind = 'withdrawal' AND NOT m.by_exit) AS w ON true
LEFT JOIN LATERAL (
    SELECT from_s, until_s FROM mirror.exclusion x
    WHERE x.deployment = a.deployment AND x.account = a.account
    ORDER BY block DESC, log_index DESC LIMIT 1) AS x ON true
LEFT JOIN LATERAL (
    SELECT until_s FROM mirror.exclusion o
    WHERE o.deployment = a.deployment AND o.account = a.account AND o.from_s < x.from_s
    ORDER BY block DESC, log_index DESC LIMIT 1) AS before ON true
LEFT JOIN LATERAL (
    SELECT block, log_index, last_nonce, cancelled_at_s FROM mirror.cancellation c
    WHERE c.deployment = a.deployment AND c.account = a.account
    ORDER BY block DESC, log_index DESC LIMIT 1) AS c ON true
LEFT JOIN LATERAL (
    SELECT max(last_nonce) AS last_nonce FROM mirror.cancellation o
    WHERE o.deployment = a.deployment AND o.account = a.account
        AND (o.block, o.log_index) < (c.block, c.log_index)) AS older ON true
LEFT JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM mirror.movement m
        JOIN mirror.block b ON b.deployment = m.deployment AND b.number = m.block
        WHERE m.deployment = a.deployment AND m.account = a.account
            AND m.kind IN ('deposit', 'stake')
            AND b.timestamp_s - %(receipt_window_s)s > greatest(c.cancelled_at_s, (
                SELECT o.until_s FROM mirror.exclusion o
                WHERE o.deployment = a.deployment AND o.account = a.account
                    AND (o.block, o.log_index) < (m.block, m.log_index)
                ORDER BY o.block DESC, o.log_index DESC LIMIT 1))) AS used) AS lifted ON true
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
_FIXTURES = """
SELECT fixture, coalesce(status, 0), coalesce(home_half, 0), coalesce(away_half, 0),
    coalesce(home_full, 0), coalesce(away_full, 0), coalesce(settled_at_s, 0),
    coalesce(published_at_s, 0), coalesce(final_at_s, 0), coalesce(term, 0)
FROM (SELECT * FROM mirror.fixture WHERE deployment = %(deployment)s) AS f
FULL JOIN (SELECT * FROM mirror.result WHERE deployment = %(deployment)s) AS r USING (fixture)
ORDER BY fixture
"""
_KEYS = """
SELECT address, role, from_s, until_s, budget_micro FROM mirror.house_key
WHERE deployment = %s ORDER BY block, address
"""
_LIMITS = """
SELECT market_cap_micro, fixture_cap_micro, accumulator_cap_micro, receipt_reserve_micro
FROM mirror.limits WHERE deployment = %s AND from_s IS NULL
ORDER BY block DESC, log_index DESC LIMIT 1
"""
_COUNCILS = """
SELECT term, threshold, arbiter, signers FROM mirror.council
WHERE deployment = %s AND term IS NOT NULL ORDER BY term
"""
# Balances, and the house's money with the stakes of open bets.
_OWED = """
SELECT (SELECT coalesce(sum(h.balance_micro), 0)
        FROM mirror.balance h WHERE h.deployment = %(deployment)s)
    + (SELECT coalesce(sum(k.pool_micro), 0)
       FROM mirror.book k WHERE k.deployment = %(deployment)s)
"""
_SHARES = """
SELECT coalesce(sum(CASE WHEN sender = %(zero)s THEN shares ELSE 0 END
                  - CASE WHEN receiver = %(zero)s THEN shares ELSE 0 END), 0)
FROM mirror.share_transfer WHERE deployment = %(deployment)s
"""
_SHARE_PRICE = """
SELECT enter_micro, leave_micro, commission_micro, net_deposits_micro FROM mirror.share_price
WHERE deployment = %s AND commission_bps IS NOT NULL AND token_decimals IS NOT NULL
"""
# Of a key that is not retired.
_FOREVER_S = 2**40 - 1
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
    owed_micro: int
    checks: list[Check] = field(default_factory=list)


def read_receipt_window_s(endpoints: Endpoints, deployment: Deployment) -> int:
    """How long after its acceptance a receipt can enforce a slip, in seconds; it is fixed at
    deployment. Raises NodeUnavailable."""
    answers = ContractReader(endpoints, deployment).call_all([("Sportsbook", "RECEIPT_WINDOW", ())])
    return next(answers)[0]


def read_snapshot(
    connection: Connection, deployment: Deployment, receipt_window_s: int
) -> Snapshot:
    """Read the mirror. Raises IndexerError when it is empty."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        checkpoint = read_checkpoint(connection, deployment.chain_id, deployment.sportsbook)
        if checkpoint is None:
            raise IndexerError(
                f"the mirror of {deployment.sportsbook} is empty: python -m indexer run"
            )
        number = checkpoint.deployment
        owed = connection.execute(_OWED, {"deployment": number}).fetchone()
        assert owed is not None
        snapshot = Snapshot(checkpoint.head.ref, int(owed[0]))
        snapshot.checks += _accounts(connection, number, receipt_window_s)
        for checks in (_book, _exposures, _batches, _fixtures, _keys, _limits, _councils):
            snapshot.checks += checks(connection, number)
        snapshot.checks += _shares(connection, number, deployment.scale)
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
    token = ("TestToken", "balanceOf", (deployment.sportsbook,))
    held = next(contracts.call_all([token]))[0]
    _check_head(snapshot, endpoints)
    scale, owed = deployment.scale, snapshot.owed_micro
    # Compared in the lesser of the two units: nothing is rounded.
    if held * scale.micro_per_unit < owed * scale.units_per_micro:
        return (
            f"the sportsbook holds {held} units of its token, and owes {owed} micro-units at block"
            f" {snapshot.head.number}"
        )
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
    paused, *amounts = row
    yield Check("the book", ("Sportsbook", "book", ()), tuple(amounts))
    yield Check("the pause of placing", ("Sportsbook", "placingPaused", ()), (paused,))


def _accounts(connection: Connection, number: int, receipt_window_s: int) -> Iterator[Check]:
    count = 0
    values = {
        "deployment": number,
        "nonces": NONCE_WINDOW + 1,
        "receipt_window_s": receipt_window_s,
    }
    for account, owner, balance, used, cancelled, withdrawals, *second in connection.execute(
        _ACCOUNTS, values
    ):
        count += 1
        nonce = max(*used, cancelled, 0)
        yield Check(
            f"account {account} (owner, balance, nonce, window, sequence)",
            ("Sportsbook", "accountAt", (account,)),
            (
                *(int(owner, 16), balance or 0, nonce, nonce_window(nonce, used, cancelled)),
                withdrawals % WITHDRAWAL_SEQUENCES,
            ),
        )
        amount, unlocks_at_s, relayed, *restriction = second
        yield Check(
            f"the relayed requests of account {account}",
            ("Sportsbook", "requestsOf", (account,)),
            (relayed,),
        )
        yield Check(
            f"the exit of account {account}",
            ("Sportsbook", "exitOf", (account,)),
            (amount, unlocks_at_s),
        )
        yield Check(
            f"the restriction of account {account} (exclusion, cancellations)",
            ("Sportsbook", "restrictionOf", (account,)),
            tuple(restriction),
        )
    yield Check("the number of accounts", ("Sportsbook", "accountCount", ()), (count,))


def nonce_window(highest: int, used: Collection[int], cancelled: int = 0) -> int:
    """Bit i is set when nonce highest - 1 - i counts as used: those of bets, those up to
    `cancelled`, and those before the first, 1."""
    below = (highest - 1 - i for i in range(NONCE_WINDOW))
    return sum(1 << i for i, nonce in enumerate(below) if nonce <= cancelled or nonce in used)


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


def _fixtures(connection: Connection, number: int) -> Iterator[Check]:
    for fixture, *terms in connection.execute(_FIXTURES, {"deployment": number}):
        yield Check(
            f"the result and the council's term of fixture 0x{bytes(fixture).hex()}",
            ("Sportsbook", "resultOf", (bytes(fixture),)),
            tuple(terms),
        )


def _keys(connection: Connection, number: int) -> Iterator[Check]:
    for address, role, from_s, until_s, budget in connection.execute(_KEYS, (number,)):
        until_s = _FOREVER_S if until_s is None else until_s
        yield Check(
            f"the key {address} (role, from, until, budget)",
            ("Sportsbook", "keyOf", (address,)),
            (role, from_s, until_s, budget),
        )


def _limits(connection: Connection, number: int) -> Iterator[Check]:
    row = connection.execute(_LIMITS, (number,)).fetchone()
    yield Check("the limits", ("Sportsbook", "limits", ()), tuple(row or (0, 0, 0, 0)))


def _councils(connection: Connection, number: int) -> Iterator[Check]:
    newest = 0
    for term, threshold, arbiter, signers in connection.execute(_COUNCILS, (number,)):
        newest = term
        yield Check(
            f"the council of term {term} (threshold, arbiter)",
            ("Results", "councilOf", (term,)),
            (threshold, int(arbiter, 16)),
        )
        for signer in signers:
            yield Check(
                f"the signer {signer} of term {term}",
                ("Results", "isResultSigner", (term, signer)),
                (1,),
            )
    yield Check("the council's term", ("Results", "term", ()), (newest,))


def _shares(connection: Connection, number: int, scale: Scale) -> Iterator[Check]:
    row = connection.execute(_SHARES, {"deployment": number, "zero": _ZERO_ADDRESS}).fetchone()
    assert row is not None
    yield Check("the bankroll's shares", ("Bankroll", "totalSupply", ()), (int(row[0]),))
    row = connection.execute(_SHARE_PRICE, (number,)).fetchone()
    if row is None:
        raise IndexerError(
            "the price of a share is not known yet: start python -m indexer run once, which stores"
            " the commission rate and the token's decimals"
        )
    *prices, commission, deposits = (int(value or 0) for value in row)
    yield Check("the commission that is owed", ("Bankroll", "commissionOwed", ()), (commission,))
    # Negative when more was taken out than deposited; a word has the two's complement.
    word = deposits % 2**256
    yield Check("the providers' deposits", ("Bankroll", "netDeposits", ()), (word,))
    for purpose, view, price in zip(
        ("to buy", "to sell"), ("previewMint", "previewRedeem"), prices, strict=True
    ):
        # A share has 6 decimals more than the token: it cost one token at first.
        one = scale.to_units(10**MICRO_DECIMALS) * 10**6
        yield Check(
            f"the price of a share {purpose}",
            ("Bankroll", view, (one,)),
            (scale.to_units(price),),
        )


def _shown(words: Iterable[int]) -> str:
    return ", ".join(hex(word) if word >= 2**64 else str(word) for word in words)
