"""The API over real servers, with a mirror, odds and a bettor's wallet that the test can change."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import coincurve
import httpx
import psycopg
import pytest
import redis
from eth_utils.crypto import keccak
from psycopg import sql
from sqlalchemy import create_engine

from backend.api_settings import ApiSettings
from backend.app import build
from backend.database import postgres_url
from backend.migrate import migrate
from backend.services import Services
from indexer.mirror.migrate import migrate as migrate_mirror
from protocol.market_id import Kind, MarketId, fixture_id
from protocol.signatures import address_of, sign
from protocol.typed_data import Domain, Leg, Slip, Withdrawal

CHAIN_ID = 1337
SPORTSBOOK = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
DOMAIN = Domain(CHAIN_ID, SPORTSBOOK)
UNIT = 1_000_000
NOW_S = 1_748_100_000
START_S = NOW_S + 86_400
RECEIPT_WINDOW_S, EXIT_DELAY_S = 600, 1_200
HOUSE_KEY = keccak(text="house")
HOUSE = address_of(coincurve.PrivateKey(HOUSE_KEY).public_key)
HASH = b"\x11" * 32
BALANCE_MICRO = 100 * UNIT

SETTINGS: dict[str, Any] = {
    "min_stake_micro": UNIT // 10,
    "max_stake_micro": 500 * UNIT,
    "max_payout_micro": 20_000 * UNIT,
    "max_legs": 4,
    "max_odds_age_ms": 5_000,
    "max_deadline_s": 120,
    "rate_limit_per_minute": 100_000,
    "clock": "chain",
    "chain_id": CHAIN_ID,
    "quote_signer_key": "0x" + HOUSE_KEY.hex(),
}


@dataclass(frozen=True)
class Game:
    """A fixture with a market of each of two kinds."""

    name: str
    starts_at_s: int = START_S

    @property
    def id(self) -> bytes:
        return fixture_id(self.name)

    @property
    def result(self) -> MarketId:
        return MarketId(self.id, self.starts_at_s, Kind.MATCH_RESULT)

    @property
    def total(self) -> MarketId:
        return MarketId(self.id, self.starts_at_s, Kind.TOTAL_GOALS, line_q=10)


ALPHA = Game("Alpha v Beta, 2025-05-25")
GAMMA = Game("Gamma v Delta, 2025-05-25")


@dataclass
class Bettor:
    """Somebody with an account; signs as a wallet does."""

    account: int
    key: bytes

    @property
    def address(self) -> str:
        return address_of(coincurve.PrivateKey(self.key).public_key)

    def sign_slip(self, slip: Slip, domain: Domain = DOMAIN) -> str:
        return "0x" + sign(domain.digest(slip.struct_hash()), self.key).hex()

    def sign_withdrawal(self, withdrawal: Withdrawal) -> str:
        return "0x" + sign(DOMAIN.digest(withdrawal.struct_hash()), self.key).hex()


@dataclass
class World:
    """The rows and keys around the API."""

    database_url: str
    redis_url: str
    folder: Path
    connection: psycopg.Connection[tuple[Any, ...]] = field(init=False)
    redis: Any = field(init=False)

    def __post_init__(self) -> None:
        self.connection = psycopg.connect(postgres_url(self.database_url), autocommit=True)
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

    def contents(self) -> list[Any]:
        """All that a request of a bettor could change."""
        tables = ("slip", "slip_leg", "withdrawal", "fixture", "market")
        return [self.all(f"backend.{table}") for table in tables]

    def set_signer(self, value: int, block: int) -> None:
        """The sportsbook's owner lets the house's key sign (1), or no more (0)."""
        self.insert(
            "mirror.role_change",
            deployment=1,
            block=block,
            log_index=0,
            contract="Sportsbook",
            role="signer",
            subject=HOUSE,
            value=value,
        )

    def clock(self, now_s: int) -> None:
        self.execute("UPDATE mirror.deployment SET head_timestamp_s = %s", now_s)

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
        for market in (game.result, game.total):
            self.insert(
                "backend.market",
                id=market.pack(),
                fixture=game.id,
                kind=int(market.kind),
                period=0,
                line_q=market.line_q,
                in_play=False,
                status="open",
            )
        self.offer(game.result, 20_000, 32_000, 41_000)
        self.offer(game.total, 19_000, 19_000)

    def offer(self, market: MarketId, *odds_e4: int, version: int = 1) -> None:
        value = {"odds_e4": odds_e4, "version": version, "at_ms": version}
        names = {"fixture": f"0x{market.fixture.hex()}", "market": f"0x{market.pack().hex()}"}
        if odds_e4:
            self.redis.hset(f"odds:{names['fixture']}", names["market"], json.dumps(value))
        else:
            self.redis.hdel(f"odds:{names['fixture']}", names["market"])
        self.redis.publish("odds", json.dumps({**names, **value}))

    def beat(self, ago_ms: int = -3_600_000) -> None:
        """The odds process said so much ago that it is at work; by default, always just now."""
        self.redis.set("odds:heartbeat", time.time_ns() // 1_000_000 - ago_ms)

    def place(
        self,
        slip: Slip,
        batch: int,
        payout_micro: int | None = None,
        rest_of: int | None = None,
    ) -> None:
        """Put a slip onto the mirrored chain, settled or not."""
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
            accepted_at_s=NOW_S,
            legs=len(slip.legs),
            payout_max_micro=2 * slip.stake_micro,
            rest_of=rest_of,
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
                odds_e4=20_000,
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
            )

    def settings(self, **changes: Any) -> ApiSettings:
        file = self.folder / "deployment.json"
        file.write_text(
            json.dumps(
                {
                    "chain_id": CHAIN_ID,
                    "first_block": 0,
                    "contracts": {"Sportsbook": SPORTSBOOK, "Results": SPORTSBOOK},
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
        """The same for a process of its own."""
        settings = self.settings()
        words = {
            **SETTINGS,
            "database_url": self.database_url,
            "redis_url": self.redis_url,
            "deployment_file": settings.deployment_file,
        }
        named = {name.upper(): str(value) for name, value in words.items()}
        return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **named}


@pytest.fixture(scope="module")
def api_database(module_database: str) -> str:
    """A database with the tables of mirror and backend, for a module's tests in turn."""
    engine = create_engine(module_database)
    migrate(engine)
    engine.dispose()
    migrate_mirror(module_database)
    return module_database


@pytest.fixture
def world(api_database: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    """Rows of a house with one open account, two fixtures and live odds."""
    made = World(api_database, redis_url, tmp_path)
    tables = made.execute(
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('backend', 'mirror')"
        " AND tablename <> 'alembic_version'"
    ).fetchall()
    names = ", ".join(f'{schema}."{table}"' for schema, table in tables)
    made.execute(f"TRUNCATE {names}")
    made.insert(
        "mirror.deployment",
        id=1,
        chain_id=CHAIN_ID,
        sportsbook=SPORTSBOOK,
        results=SPORTSBOOK,
        bankroll=SPORTSBOOK,
        token=SPORTSBOOK,
        first_block=0,
        head_block=20,
        head_hash=HASH,
        head_timestamp_s=NOW_S,
        confirmed_block=18,
        final_block=12,
    )
    made.set_signer(1, block=2)
    made.insert(
        "mirror.book",
        deployment=1,
        pool_micro=1_000_000 * UNIT,
        open_stakes_micro=0,
        locked_micro=0,
        batch_count=0,
        paused=False,
    )
    made.open_game(ALPHA)
    made.open_game(GAMMA)
    made.beat()
    yield made
    made.connection.close()
    made.redis.close()


@pytest.fixture
def bettor(world: World) -> Bettor:
    """The owner of account 7."""
    return world.open_account(7)


@pytest.fixture
async def parts(world: World) -> AsyncIterator[Services]:
    """The API's parts at work."""
    services = Services.make(world.settings())
    async with services.running():
        yield services


@pytest.fixture
async def api(parts: Services) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API."""
    async with client(parts) as made:
        yield made


def client(parts: Services) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(build(parts), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://api")


def slip_of(bettor: Bettor, **changes: Any) -> Slip:
    """A slip that the house takes, with changes."""
    slip = Slip(
        account=bettor.account,
        stake_micro=5 * UNIT,
        min_odds_e4=19_500,
        nonce=1,
        deadline_s=NOW_S + 60,
        legs=(Leg(ALPHA.name, ALPHA.result, 0),),
    )
    return replace(slip, **changes)


def body_of(slip: Slip, signature: str) -> dict[str, Any]:
    """The body of POST /v1/slips."""
    return {
        "account": slip.account,
        "stake_micro": str(slip.stake_micro),
        "min_odds_e4": slip.min_odds_e4,
        "nonce": slip.nonce,
        "deadline_s": slip.deadline_s,
        "legs": [
            {"market": f"0x{leg.market.pack().hex()}", "outcome": leg.outcome} for leg in slip.legs
        ],
        "signature": signature,
    }


def signed(bettor: Bettor, **changes: Any) -> dict[str, Any]:
    """The body of a slip that its owner signed."""
    slip = slip_of(bettor, **changes)
    return body_of(slip, bettor.sign_slip(slip))


async def until(check: Callable[[], Any], timeout_s: float = 10.0) -> None:
    """Wait until a check, plain or awaitable, holds."""
    async with asyncio.timeout(timeout_s):
        while True:
            found = check()
            if inspect.isawaitable(found):
                found = await found
            if found:
                return
            await asyncio.sleep(0.02)
