"""Owns the plain way to read the chain that the indexer is compared with: web3.py and SQLModel."""

from __future__ import annotations

import json
import time
from typing import Any

from sqlalchemy import create_engine
from sqlmodel import Session
from web3 import HTTPProvider, Web3

from bench.indexer_chain import BenchChain
from indexer.abi import load
from indexer.packed import unpack_placed
from indexer.tables import Batch, Bet, Block, Leg, Movement


def plain_loop(chain: BenchChain, database: str, blocks: int) -> tuple[int, float]:
    """Rows and seconds of reading the newest `blocks` blocks, one at a time."""
    web3 = Web3(HTTPProvider(chain.chain.url))
    address = json.loads(chain.deployment_file.read_text())["contracts"]["Sportsbook"]
    contract: Any = web3.eth.contract(Web3.to_checksum_address(address), abi=load("Sportsbook"))
    engine = create_engine(database.replace("postgresql://", "postgresql+psycopg://", 1))
    last = chain.height
    rows = 0
    started = time.monotonic()
    with Session(engine) as session:
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
    batch, block, index = event["args"]["batch"], event["blockNumber"], event["logIndex"]
    placed = unpack_placed(bytes(event["args"]["data"]))
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
            table=placed.table_bytes,
            records=b"".join(placed.record_bytes),
        )
    )
    rows = 1
    for number, record in enumerate(placed.records):
        session.add(
            Bet(
                deployment=1,
                batch=batch,
                bet=number,
                block=block,
                account=record.account,
                nonce=record.nonce,
                stake_micro=record.stake_micro,
                accepted_at_s=placed.table.base_s + record.accepted_after_s,
                legs=len(record.legs),
                payout_max_micro=record.payout_max_micro,
            )
        )
        session.add(
            Movement(
                deployment=1,
                block=block,
                log_index=index,
                seq=number,
                account=record.account,
                kind="stake",
                delta_micro=-record.stake_micro,
                batch=batch,
                bet=number,
                by_exit=None,
            )
        )
        for leg_number, leg in enumerate(record.legs):
            market = placed.table.market_id(leg.market).pack()
            session.add(
                Leg(
                    deployment=1,
                    batch=batch,
                    bet=number,
                    leg=leg_number,
                    block=block,
                    market=market,
                    fixture=market[:16],
                    outcome=leg.outcome,
                    odds_e4=leg.odds_e4,
                )
            )
        rows += 2 + len(record.legs)
    return rows
