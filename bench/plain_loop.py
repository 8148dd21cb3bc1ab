"""Reads the chain with web3.py and SQLModel, as the baseline that the indexer is compared with.

It is what one would write first: get_block and get_logs for each block, web3.py's decoding of the
event, one object per row in the session, the rows of the state (balances, exposures, the book)
selected once per batch and changed, one commit per block. `protocol` reads the packed bets, which
web3.py cannot. It maintains the same tables as the indexer, and does nothing else that the indexer
does: no reorgs, no checks, no recovery.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import create_engine
from sqlmodel import Session, col, select
from web3 import HTTPProvider, Web3

from bench.indexer_chain import BenchChain
from indexer.mirror.tables import Balance, Batch, Bet, Block, Book, Exposure, Leg, Movement
from protocol.abi import load
from protocol.exposure import Exposure as Amounts
from protocol.exposure import locked_micro
from protocol.market_id import FIXTURE_BYTES
from protocol.placed_event import PlacedBatch, unpack_placed
from protocol.records import BetRecord


def plain_loop(chain: BenchChain, database: str, blocks: int) -> tuple[int, float]:
    """Read the newest `blocks` blocks, one at a time; returns the rows and seconds."""
    web3 = Web3(HTTPProvider(chain.chain.url))
    address = json.loads(chain.deployment_file.read_text())["contracts"]["Sportsbook"]
    contract: Any = web3.eth.contract(Web3.to_checksum_address(address), abi=load("Sportsbook"))
    engine = create_engine(database.replace("postgresql://", "postgresql+psycopg://", 1))
    last = chain.height
    rows = 0
    started = time.monotonic()
    with Session(engine) as session:
        session.add(
            Book(
                deployment=1,
                pool_micro=0,
                owed_micro=0,
                locked_micro=0,
                accumulators_micro=0,
                batch_count=0,
                paused=False,
            )
        )
        for number in range(last - blocks + 1, last + 1):
            head: Any = web3.eth.get_block(number)
            session.add(
                Block(
                    deployment=1,
                    number=number,
                    hash=bytes(head["hash"]),
                    parent_hash=bytes(head["parentHash"]),
                    timestamp_s=head["timestamp"],
                )
            )
            rows += 1
            for event in contract.events.BatchPlaced().get_logs(from_block=number, to_block=number):
                rows += _add_batch(session, event)
            session.commit()
    seconds = time.monotonic() - started
    engine.dispose()
    return rows, seconds


def _add_batch(session: Session, event: Any) -> int:
    """Add a batch with its bets; returns the number of rows."""
    batch, block, index = event["args"]["batch"], event["blockNumber"], event["logIndex"]
    placed, _ = unpack_placed(bytes(event["args"]["data"]))
    session.add(
        Batch(
            deployment=1,
            batch=batch,
            block=block,
            log_index=index,
            tx_hash=bytes(event["transactionHash"]),
            placed=len(placed.records),
            skipped=0,
            open_bets=len(placed.records),
            markets=placed.market_bytes,
            records=placed.record_bytes,
        )
    )
    _move_balances(session, placed.records)
    _move_book(session, placed, block)
    rows = 1
    for number, record in enumerate(placed.records):
        accepted_at_s = placed.base_s + record.accepted_after_s
        _add_bet(session, record, (batch, number), (block, index), accepted_at_s)
        _add_legs(session, record, (batch, number), block, placed.markets)
        rows += 2 + len(record.legs)
    return rows


def _add_bet(
    session: Session,
    record: BetRecord,
    key: tuple[int, int],
    where: tuple[int, int],
    accepted_at_s: int,
) -> None:
    """Add a bet and the movement of its stake; `key` is (batch, bet), `where` (block, log)."""
    (batch, bet), (block, log_index) = key, where
    session.add(
        Bet(
            deployment=1,
            batch=batch,
            bet=bet,
            block=block,
            account=record.account,
            nonce=record.nonce,
            stake_micro=record.stake_micro,
            accepted_at_s=accepted_at_s,
            legs=len(record.legs),
            payout_max_micro=record.payout_max_micro,
        )
    )
    session.add(
        Movement(
            deployment=1,
            block=block,
            log_index=log_index,
            seq=bet,
            account=record.account,
            kind="stake",
            delta_micro=-record.stake_micro,
            batch=batch,
            bet=bet,
            by_exit=None,
        )
    )


def _add_legs(
    session: Session,
    record: BetRecord,
    key: tuple[int, int],
    block: int,
    markets: Sequence[bytes],
) -> None:
    for number, leg in enumerate(record.legs):
        market = markets[leg.market]
        session.add(
            Leg(
                deployment=1,
                batch=key[0],
                bet=key[1],
                leg=number,
                block=block,
                market=market,
                fixture=market[:FIXTURE_BYTES],
                outcome=leg.outcome,
                odds_e4=leg.odds_e4,
            )
        )


def _move_balances(session: Session, records: Sequence[BetRecord]) -> None:
    wanted = col(Balance.account).in_({record.account for record in records})
    found = session.exec(select(Balance).where(Balance.deployment == 1, wanted))
    balances = {balance.account: balance for balance in found}
    for record in records:
        if record.account not in balances:
            balance = Balance(deployment=1, account=record.account, balance_micro=0)
            session.add(balance)
            balances[record.account] = balance
        balances[record.account].balance_micro -= record.stake_micro


def _move_book(session: Session, placed: PlacedBatch, block: int) -> None:
    book = session.get(Book, 1)
    assert book is not None
    book.batch_count += 1
    wanted = col(Exposure.market).in_(placed.markets)
    found = session.exec(select(Exposure).where(Exposure.deployment == 1, wanted))
    exposures = {bytes(exposure.market): exposure for exposure in found}
    for record in placed.records:
        book.pool_micro += record.stake_micro
        book.owed_micro += record.stake_micro
        if len(record.legs) > 1:
            book.locked_micro += record.payout_max_micro - record.stake_micro
            book.accumulators_micro += record.payout_max_micro - record.stake_micro
            continue
        market = placed.markets[record.legs[0].market]
        name = f"payout_{record.legs[0].outcome}_micro"
        if market not in exposures:
            none = {f"payout_{outcome}_micro": 0 for outcome in range(3)}
            exposures[market] = Exposure(
                deployment=1, market=market, stakes_micro=0, block=block, **none
            )
            session.add(exposures[market])
        exposure = exposures[market]
        before = _locked(exposure)
        setattr(exposure, name, getattr(exposure, name) + record.payout_max_micro)
        exposure.stakes_micro += record.stake_micro
        book.locked_micro += _locked(exposure) - before


def _locked(exposure: Exposure) -> int:
    return locked_micro(
        exposure.market,
        Amounts(
            *(exposure.payout_0_micro, exposure.payout_1_micro, exposure.payout_2_micro),
            exposure.stakes_micro,
        ),
    )
