"""Writes the rows, keys and settings around the API that its tests can change."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import redis
from eth_utils.crypto import keccak
from psycopg import sql

from backend.api_settings import ApiSettings
from protocol.market_id import MarketId
from protocol.payout import full_payout_down
from protocol.typed_data import Slip
from scripts.devnet.postgres import plain_url
from tests.backend.api.bettors import (
    BALANCE_MICRO,
    BANKROLL,
    CASHIER_KEY,
    CHAIN_ID,
    EXIT_DELAY_S,
    HASH,
    HOUSE_KEY,
    NOW_S,
    RECEIPT_WINDOW_S,
    SPORTSBOOK,
    TOKEN,
    UNIT,
    Bettor,
    Game,
)
from tests.support.house_report import good_report

SETTINGS: dict[str, Any] = {
    "min_stake_micro": UNIT // 10,
    "max_stake_micro": 500 * UNIT,
    "max_payout_micro": 20_000 * UNIT,
    "max_legs": 4,
    "max_odds_age_ms": 5_000,
    "max_deadline_s": 120,
    "max_clock_skew_s": 60,
    "rate_limit_per_minute": 100_000,
    "session_idle_s": 3_600,
    "session_lifetime_s": 86_400,
    "cash_out_offer_s": 30,
    "clock": "chain",
    "chain_id": CHAIN_ID,
    "receipt_signer_key": "0x" + HOUSE_KEY.hex(),
    "withdrawal_signer_key": "0x" + CASHIER_KEY.hex(),
    # Nobody listens there; FakeChain answers.
    "rpc_url": "http://127.0.0.1:1",
}


@dataclass
class World:
    """The rows and keys around the API."""

    database_url: str
    redis_url: str
    folder: Path
    connection: psycopg.Connection[tuple[Any, ...]] = field(init=False)
    redis: Any = field(init=False)

    def __post_init__(self) -> None:
        self.connection = psycopg.connect(plain_url(self.database_url), autocommit=True)
        self.redis = redis.Redis.from_url(self.redis_url)

    def insert(self, into: str, **values: Any) -> None:
        schema, table = into.split(".")
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(schema, table),
            sql.SQL(",").join(map(sql.Identifier, values)),
            sql.SQL(",").join(sql.Placeholder() * len(values)),
        )
        self.connection.execute(statement, list(values.values()))

    def execute(self, statement: str, *parameters: Any) -> Any:
        return self.connection.execute(statement.encode(), parameters)

    def all(self, table: str) -> list[tuple[Any, ...]]:
        return self.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()  # type: ignore[no-any-return]

    def empty(self) -> None:
        """Remove every row. TRUNCATE would give each table and index a new file, which takes ten
        times as long as to delete the few rows of a test."""
        tables = self.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('backend', 'mirror')"
            " AND tablename <> 'alembic_version'"
        ).fetchall()
        names = [sql.Identifier(*table) for table in tables]
        with self.connection.transaction():
            # Without the checks of foreign keys, in any order.
            self.connection.execute("SET LOCAL session_replication_role = replica")
            self.connection.execute(
                sql.SQL("; ").join(sql.SQL("DELETE FROM {}").format(name) for name in names)
            )

    def contents(self) -> list[Any]:
        """Every row that a bettor's request could change."""
        tables = ("slip", "slip_leg", "withdrawal", "fixture", "market")
        return [self.all(f"backend.{table}") for table in tables]

    def report(self, **changes: Any) -> None:
        """What the worker reports; by default that all is well, for the whole test."""
        self.execute("DELETE FROM backend.house_report")
        self.insert("backend.house_report", **{**good_report(SPORTSBOOK), **changes})

    def clock(self, now_s: int) -> None:
        self.execute("UPDATE mirror.deployment SET head_timestamp_s = %s", now_s)

    def confirm(self, number: int, timestamp_s: int = NOW_S) -> None:
        """Confirm blocks up to `number` by two more; all that are new have one time."""
        self.execute(
            "INSERT INTO mirror.block SELECT 1, n, %s, %s, %s FROM mirror.deployment,"
            " generate_series(coalesce(confirmed_block, 0) + 1, %s) n"
            " ON CONFLICT (deployment, number)"
            " DO UPDATE SET timestamp_s = excluded.timestamp_s",
            *(HASH, HASH, timestamp_s, number + 2),
        )
        self.execute(
            "UPDATE mirror.deployment SET head_block = %s, confirmed_block = %s",
            *(number + 2, number),
        )

    def open_account(self, number: int, balance_micro: int = BALANCE_MICRO) -> Bettor:
        bettor = Bettor(number, keccak(text=f"bettor {number}"))
        self.insert(
            "mirror.account",
            deployment=1,
            account=number,
            owner=bettor.address,
            block=1,
            log_index=number,
        )
        self.insert("mirror.balance", deployment=1, account=number, balance_micro=balance_micro)
        self.insert(
            "mirror.movement",
            deployment=1,
            block=1,
            log_index=1_000 + number,
            seq=0,
            account=number,
            kind="deposit",
            delta_micro=balance_micro,
        )
        return bettor

    def open_game(self, game: Game) -> None:
        home, rest = game.name.split(" v ")
        self.insert(
            "backend.fixture",
            id=game.id,
            name=game.name,
            home=home,
            away=rest.split(", ")[0],
            competition="Test",
            starts_at_s=game.starts_at_s,
            created_s=0,
            status="scheduled",
        )
        self.open_market(game.result)
        self.open_market(game.total)
        self.offer(game.result, 20_000, 32_000, 41_000)
        self.offer(game.total, 19_000, 19_000)

    def open_market(self, market: MarketId) -> None:
        self.insert(
            "backend.market",
            id=market.pack(),
            fixture=market.fixture,
            kind=int(market.kind),
            period=0,
            line_q=market.line_q,
            in_play=market.in_play,
            status="open",
        )

    def offer(self, market: MarketId, *odds_e4: int, version: int = 1) -> None:
        value = {"odds_e4": odds_e4, "version": version, "at_ms": version}
        names = {"fixture": f"0x{market.fixture.hex()}", "market": f"0x{market.pack().hex()}"}
        if odds_e4:
            self.redis.hset(f"odds:{names['fixture']}", names["market"], json.dumps(value))
        else:
            self.redis.hdel(f"odds:{names['fixture']}", names["market"])
        self.redis.publish("odds", json.dumps({**names, **value}))

    def beat(self, ago_ms: int = -3_600_000) -> None:
        """Set the odds process's last heartbeat; by default so that it never becomes old."""
        self.redis.set("odds:heartbeat", time.time_ns() // 1_000_000 - ago_ms)

    def place(
        self,
        slip: Slip,
        batch: int,
        payout_micro: int | None = None,
        rest_of: int | None = None,
        accepted_at_s: int = NOW_S,
        odds_e4: Sequence[int] = (),
        instead_of: int | None = None,
    ) -> None:
        """Show a slip as a placed bet in the mirror, at odds of 2 unless others are given, settled
        if there is a payout."""
        odds_e4 = odds_e4 or [20_000] * len(slip.legs)
        self.insert(
            "mirror.batch",
            deployment=1,
            batch=batch,
            block=10 + batch,
            log_index=0,
            tx_hash=HASH,
            placed=1,
            skipped=0,
            open_bets=1 if payout_micro is None else 0,
            markets=b"",
            records=b"",
        )
        self.insert(
            "mirror.bet",
            deployment=1,
            batch=batch,
            bet=0,
            block=10 + batch,
            account=slip.account,
            nonce=slip.nonce,
            stake_micro=slip.stake_micro,
            accepted_at_s=accepted_at_s,
            legs=len(slip.legs),
            payout_max_micro=full_payout_down(slip.stake_micro, odds_e4),
            rest_of=rest_of,
            instead_of=instead_of,
        )
        for number, leg in enumerate(slip.legs):
            self.insert(
                "mirror.leg",
                deployment=1,
                batch=batch,
                bet=0,
                leg=number,
                block=10 + batch,
                market=leg.market.pack(),
                fixture=leg.market.fixture,
                outcome=leg.outcome,
                odds_e4=odds_e4[number],
            )
        self.execute(
            "UPDATE mirror.balance SET balance_micro = balance_micro - %s WHERE account = %s",
            slip.stake_micro,
            slip.account,
        )
        if payout_micro is not None:
            self.insert(
                "mirror.settlement",
                deployment=1,
                batch=batch,
                bet=0,
                block=11 + batch,
                log_index=0,
                tx_hash=HASH,
                payout_micro=payout_micro,
                cashed_out=False,
                replaced=False,
            )

    def leave_out(self, slip: str, nonce: int, reason: int, batch: int = 2) -> None:
        """Show that the contract left a slip of account 7 out of a batch, which we sent."""
        self.submit(slip, status="mined", block=10 + batch, hash=HASH, confirmed=True)
        self.insert(
            "backend.transaction_attempt",
            **{"transaction": slip, "number": 0, "hash": HASH, "raw": b"", "max_fee_wei": 1},
            **{"priority_fee_wei": 1, "cancels": False, "created_s": 0},
        )
        self.insert(
            "mirror.batch",
            **{"deployment": 1, "batch": batch, "block": 10 + batch, "log_index": 0},
            **{"tx_hash": HASH, "placed": 0, "skipped": 1, "open_bets": 0},
            **{"markets": b"", "records": b""},
        )
        self.insert(
            "mirror.skip",
            **{"deployment": 1, "batch": batch, "seq": 0, "block": 10 + batch, "account": 7},
            **{"nonce": nonce, "reason": reason},
        )

    def submit(self, slip: str, **changes: Any) -> None:
        """Show that a slip travels in a transaction, which has its id."""
        transaction = {
            **{"id": slip, "chain_id": 1, "sender": "", "kind": "place", "dedupe_key": slip},
            **{"nonce": int(uuid.UUID(slip)) % 2**40, "to_address": "", "data": b""},
            **{"gas_limit": 1, "status": "sent", "cancelled": False, "confirmed": False},
            "created_s": 0,
        }
        self.insert("backend.chain_transaction", **{**transaction, **changes})
        self.insert("backend.submission", slip=slip, transaction=slip)

    def settings(self, **changes: Any) -> ApiSettings:
        file = self.folder / "deployment.json"
        file.write_text(
            json.dumps(
                {
                    "chain_id": CHAIN_ID,
                    "first_block": 0,
                    "contracts": {
                        "Sportsbook": SPORTSBOOK,
                        "Results": SPORTSBOOK,
                        "Bankroll": BANKROLL,
                        "Token": TOKEN,
                    },
                    "parameters": {
                        "receipt_window_s": RECEIPT_WINDOW_S,
                        "exit_delay_s": EXIT_DELAY_S,
                    },
                }
            )
        )
        urls = {
            "database_url": self.database_url,
            "redis_url": self.redis_url,
            "deployment_file": file,
        }
        return ApiSettings(**{**SETTINGS, **urls, **changes})

    def environment(self) -> dict[str, str]:
        """The same settings as environment variables, for a separate process."""
        settings = self.settings()
        values = {
            **SETTINGS,
            "database_url": self.database_url,
            "redis_url": self.redis_url,
            "deployment_file": settings.deployment_file,
        }
        named = {name.upper(): str(value) for name, value in values.items()}
        # See tests/conftest.py for the certificates.
        inherited = {name: os.environ[name] for name in ("PATH", "SSL_CERT_DIR")}
        return {**inherited, "HOME": os.environ.get("HOME", "/"), **named}
