"""Rebuilds the mirror of a test chain from its events in one go, as the indexer would have it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, text

from indexer.packed import unpack_payouts, unpack_placed
from tests.backend.batching.sportsbook import Book

DEPLOYMENT = 1
TABLES = (
    *("deployment", "account", "movement", "balance", "batch", "bet", "leg", "skip"),
    *("settlement", "result"),
)


def follow(engine: Engine, book: Book) -> None:
    """Make the mirror show the chain's head."""
    head = book.node.web3.eth.get_block("latest")
    logs = sorted(_logs(book), key=lambda log: (log["blockNumber"], log["logIndex"]))
    with engine.begin() as connection:
        for table in TABLES:
            connection.execute(text(f"DELETE FROM mirror.{table}"))
        _insert(
            connection,
            "deployment",
            id=DEPLOYMENT,
            chain_id=book.deployment.chain_id,
            sportsbook=book.deployment.sportsbook,
            results=book.deployment.results,
            bankroll=book.contracts["Bankroll"].address,
            token=book.contracts["TestToken"].address,
            first_block=0,
            head_block=head["number"],
            head_hash=bytes(head["hash"]),
            head_timestamp_s=head["timestamp"],
        )
        for log in logs:
            _project(connection, log)
        connection.execute(
            text("""INSERT INTO mirror.balance (deployment, account, balance_micro)
                 SELECT deployment, account, sum(delta_micro) FROM mirror.movement
                 GROUP BY deployment, account""")
        )
        connection.execute(text("SELECT pg_notify('mirror', '{}')"))


def _logs(book: Book) -> list[Any]:
    sportsbook, results = book.contracts["Sportsbook"].events, book.contracts["Results"].events
    kinds = [sportsbook[name] for name in _EVENTS if name != "ResultPublished"]
    return [
        log for kind in (*kinds, results.ResultPublished) for log in kind.get_logs(from_block=0)
    ]


def _project(connection: Connection, log: Any) -> None:
    _EVENTS[log["event"]](connection, log, log["args"])


def _insert(connection: Connection, into: str, **values: Any) -> None:
    values.setdefault("deployment", DEPLOYMENT)
    if into == "deployment":
        del values["deployment"]
    names = ", ".join(f'"{name}"' for name in values)
    places = ", ".join(f":{name}" for name in values)
    connection.execute(text(f"INSERT INTO mirror.{into} ({names}) VALUES ({places})"), values)


def _move(connection: Connection, log: Any, seq: int, **values: Any) -> None:
    _insert(
        connection,
        "movement",
        block=log["blockNumber"],
        log_index=log["logIndex"],
        seq=seq,
        **({"batch": None, "bet": None} | values),
    )


def _opened(connection: Connection, log: Any, args: Any) -> None:
    _insert(
        connection,
        "account",
        account=args["account"],
        owner=args["owner"],
        block=log["blockNumber"],
        log_index=log["logIndex"],
    )


def _deposited(connection: Connection, log: Any, args: Any) -> None:
    _move(connection, log, 0, account=args["account"], kind="deposit", delta_micro=args["amount"])


def _placed(connection: Connection, log: Any, args: Any) -> None:
    placed = unpack_placed(args["data"])
    number, block = args["batch"], log["blockNumber"]
    _insert(
        connection,
        "batch",
        batch=number,
        block=block,
        log_index=log["logIndex"],
        tx_hash=bytes(log["transactionHash"]),
        placed=len(placed.records),
        skipped=len(placed.skips),
        table=placed.table_bytes,
        records=b"".join(placed.record_bytes),
    )
    for bet, record in enumerate(placed.records):
        _insert(
            connection,
            "bet",
            batch=number,
            bet=bet,
            block=block,
            account=record.account,
            nonce=record.nonce,
            stake_micro=record.stake_micro,
            accepted_at_s=placed.table.base_s + record.accepted_after_s,
            legs=len(record.legs),
            payout_max_micro=record.payout_max_micro,
        )
        for leg, entry in enumerate(record.legs):
            market = placed.table.market_id(entry.market)
            _insert(
                connection,
                "leg",
                batch=number,
                bet=bet,
                leg=leg,
                block=block,
                market=market.pack(),
                fixture=market.fixture,
                outcome=entry.outcome,
                odds_e4=entry.odds_e4,
            )
        _move(
            connection,
            log,
            bet,
            account=record.account,
            kind="stake",
            delta_micro=-record.stake_micro,
            batch=number,
            bet=bet,
        )
    for seq, skip in enumerate(placed.skips):
        _insert(
            connection,
            "skip",
            batch=number,
            seq=seq,
            block=block,
            account=skip.account,
            nonce=skip.nonce,
            reason=int(skip.reason),
        )


def _settled(connection: Connection, log: Any, args: Any) -> None:
    payouts = unpack_payouts(args["payouts"])
    number = args["batch"]
    for bet in range(256):
        if not args["settled"] >> bet & 1:
            continue
        _insert(
            connection,
            "settlement",
            batch=number,
            bet=bet,
            block=log["blockNumber"],
            log_index=log["logIndex"],
            tx_hash=bytes(log["transactionHash"]),
            payout_micro=payouts.get(bet, 0),
        )
        if payouts.get(bet):
            account = connection.execute(
                text("SELECT account FROM mirror.bet WHERE batch = :batch AND bet = :bet"),
                {"batch": number, "bet": bet},
            ).scalar_one()
            _move(
                connection,
                log,
                bet,
                account=account,
                kind="payout",
                delta_micro=payouts[bet],
                batch=number,
                bet=bet,
            )


def _published(connection: Connection, log: Any, args: Any) -> None:
    _insert(
        connection,
        "result",
        fixture=args["fixture"],
        block=log["blockNumber"],
        log_index=log["logIndex"],
        status=args["status"],
        home_half=args["homeHalf"],
        away_half=args["awayHalf"],
        home_full=args["homeFull"],
        away_full=args["awayFull"],
        settled_at_s=args["settledAt"],
        published_at_s=args["publishedAt"],
        final_at_s=args["finalAt"],
        corrected=False,
    )


_EVENTS = {
    "AccountOpened": _opened,
    "Deposited": _deposited,
    "BatchPlaced": _placed,
    "BatchSettled": _settled,
    "ResultPublished": _published,
}
