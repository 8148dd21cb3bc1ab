"""Tests migrations, the operator's commands, and missing settings."""

from __future__ import annotations

import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from alembic import command
from sqlalchemy import create_engine, inspect, text

from backend.migrate import config, migrate
from protocol.market_id import Kind, MarketId
from tests.backend.api.world import World
from tests.support import warm_python
from tests.support.nodes import ROOT

FACTS = ROOT / "data" / "epl_2022_2025.csv"
EVE_S = 1_748_000_000


def run(world: World, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    environment = {**world.environment(), **changes}
    return warm_python.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={name: value for name, value in environment.items() if value},
        timeout=60,
    )


def test_migrations_make_the_models_tables(empty_database: str) -> None:
    engines = [create_engine(empty_database) for _ in range(3)]
    with ThreadPoolExecutor() as pool:
        assert len(set(pool.map(migrate, engines))) == 1
    with engines[0].begin() as connection:
        command.check(config(connection))
        found = inspect(connection)
        assert set(found.get_table_names(schema="backend")) == {
            "alembic_version",
            "cash_out_offer",
            "cash_out_submission",
            "chain_transaction",
            "decision",
            "fixture",
            "house_report",
            "house_reserve",
            "limit_change",
            "market",
            "market_reserve",
            "price",
            "publication",
            "quote",
            "relay",
            "relay_submission",
            "reconciliation",
            "settlement_run",
            "share_price",
            "slip",
            "slip_leg",
            "submission",
            "transaction_attempt",
            "withdrawal",
        }
        assert "mirror" not in found.get_schema_names()
        assert found.get_foreign_keys("submission", schema="backend")
    for engine in engines:
        engine.dispose()


def test_operator_opens_a_match_day(world: World) -> None:
    world.execute("TRUNCATE backend.fixture, backend.market, backend.slip_leg")
    world.clock(EVE_S)
    day = ["--facts", str(FACTS), "--season", "2024-25", "--matchday", "38"]
    done = run(world, "-m", "backend.markets", "open", *day)
    assert done.returncode == 0, done.stderr
    markets = [MarketId.unpack(bytes(row[0])) for row in world.all("backend.market")]
    fixtures = {market.fixture for market in markets}
    assert len(fixtures) == 10
    for fixture in fixtures:
        own = [market for market in markets if market.fixture == fixture]
        kinds = {market.kind for market in own}
        assert {Kind.MATCH_RESULT, Kind.BOTH_TEAMS_TO_SCORE, Kind.DOUBLE_CHANCE} <= kinds
        assert {m.line_q for m in own if m.kind is Kind.TOTAL_GOALS} == {6, 10, 14}
        handicaps = [m.line_q for m in own if m.kind is Kind.ASIAN_HANDICAP]
        assert [line_q % 2 for line_q in handicaps] == [1]
    before = world.contents()
    world.clock(EVE_S + 86_400)
    again = run(world, "-m", "backend.markets", "open", *day)
    assert (again.returncode, again.stdout.count("0 new")) == (0, 10)
    assert world.contents() == before

    one = markets[0].pack().hex()
    assert run(world, "-m", "backend.markets", "suspend", f"0x{one}").returncode == 0
    listed = run(world, "-m", "backend.markets", "list").stdout
    assert listed.count("suspended") == 1
    game = markets[0].fixture.hex()
    assert run(world, "-m", "backend.markets", "suspend", f"0x{game[:8]}").returncode == 0
    assert run(world, "-m", "backend.markets", "list").stdout.count("suspended") == 8
    run(world, "-m", "backend.markets", "resume", f"0x{game}")
    listed = run(world, "-m", "backend.markets", "list").stdout
    assert "suspended" not in listed
    assert (listed.count("  open  "), listed.count("closed")) == (80, 0)
    named = "SELECT id FROM backend.fixture WHERE position('Fulham' IN name) > 0"
    fulham = bytes(world.execute(named).fetchone()[0])
    other = next(market for market in markets if market.fixture != fulham).pack().hex()
    assert run(world, "-m", "backend.markets", "suspend", "fulham", other).returncode == 0
    listed = run(world, "-m", "backend.markets", "list").stdout
    assert listed.count("suspended") == 9
    several = run(world, "-m", "backend.markets", "suspend", "Manchester")
    assert (several.returncode, "2 match 'Manchester': 0x" in several.stderr) == (2, True)
    assert several.stderr.count("Manchester") == 3
    assert run(world, "-m", "backend.markets", "list").stdout == listed


def test_moves_names_what_the_facts_lack_and_refuse(world: World, tmp_path: Path) -> None:
    world.execute("TRUNCATE backend.fixture, backend.market, backend.slip_leg")
    world.clock(EVE_S)
    day = ["--facts", str(FACTS), "--season", "2024-25", "--matchday", "38"]
    assert run(world, "-m", "backend.markets", "open", *day).returncode == 0
    same = run(world, "-m", "backend.markets", "moves", "--facts", str(FACTS))
    assert (same.returncode, same.stdout) == (0, "nothing changes\n"), same.stderr
    head, *lines = FACTS.read_text().splitlines()
    other = tmp_path / "facts.csv"
    others = [line for line in lines if "Fulham" not in line]
    other.write_text("\n".join([head, *others, "worse"]) + "\n")
    done = run(world, "-m", "backend.markets", "moves", "--facts", str(other))
    assert (done.returncode, "row: has 1 fields" in done.stderr) == (1, True), done.stderr
    said = done.stdout.splitlines()
    assert said[0] == "nothing changes"
    assert len(said) == 2
    assert "Fulham" in said[1]
    assert f"is open and not in {other}: it stays as it is" in said[1]


def test_list_says_why_a_market_is_closed(world: World) -> None:
    world.execute("TRUNCATE backend.fixture, backend.market, backend.slip_leg")
    world.clock(EVE_S)
    day = ["--facts", str(FACTS), "--season", "2024-25", "--matchday", "38"]
    assert run(world, "-m", "backend.markets", "open", *day).returncode == 0
    one = bytes(world.all("backend.fixture")[0][0])
    world.execute(f"UPDATE backend.fixture SET status = 'void' WHERE id = '\\x{one.hex()}'")
    listed = run(world, "-m", "backend.markets", "list").stdout
    assert (listed.count("closed (void)"), listed.count("  open  ")) == (8, 72)
    resumed = run(world, "-m", "backend.markets", "resume", f"0x{one.hex()}")
    assert "accepts no bets all the same: it is void" in resumed.stdout, resumed.stderr
    starts_s = [MarketId.unpack(bytes(row[0])).starts_at_s for row in world.all("backend.market")]
    world.clock(max(starts_s))
    listed = run(world, "-m", "backend.markets", "list").stdout
    assert (listed.count("closed (void)"), listed.count("closed (started)")) == (8, 72)


def test_api_on_a_taken_port_says_so(world: World) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run(world, "-m", "backend.api", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 3, "what uvicorn calls a failed start"
    assert "api: cannot listen: " in done.stderr
    assert "or give another --port" in done.stderr
    assert "Errno" not in done.stderr


def test_fixtures_that_have_started_are_not_opened(world: World) -> None:
    world.execute("TRUNCATE backend.fixture, backend.market, backend.slip_leg")
    world.clock(2_000_000_000)
    day = ["--facts", str(FACTS), "--season", "2024-25", "--matchday", "38"]
    done = run(world, "-m", "backend.markets", "open", *day)
    assert (done.returncode, done.stdout.count("started")) == (0, 10)
    assert world.all("backend.fixture") == []


def test_commands_name_what_is_missing(world: World, tmp_path: Path) -> None:
    day = ["--facts", str(FACTS), "--season", "2024-25", "--matchday", "38"]
    no_clock = run(world, "-m", "backend.markets", "open", *day, CLOCK="")
    assert (no_clock.returncode, "setting CLOCK is missing" in no_clock.stderr) == (2, True)
    no_facts = run(world, "-m", "backend.markets", "open", "--facts", "none.csv", *day[2:])
    assert (no_facts.returncode, "cannot read" in no_facts.stderr) == (2, True)
    wrong = run(world, "-m", "backend.markets", "suspend", "0x12")
    assert (wrong.returncode, "no opened fixture or market matches '0x12'" in wrong.stderr) == (
        2,
        True,
    )
    no_url = run(world, "-m", "backend.migrate", DATABASE_URL="")
    assert (no_url.returncode, no_url.stderr) == (
        2,
        "migrate: setting DATABASE_URL is missing: set it in the environment, as .env.example"
        " shows\n",
    )
    no_address = run(world, "-m", "backend.migrate", DATABASE_URL="127.0.0.1")
    assert (no_address.returncode, "postgresql://user" in no_address.stderr) == (2, True)
    nobody = run(world, "-m", "backend.migrate", DATABASE_URL="postgres://127.0.0.1:1/x")
    assert (nobody.returncode, "does not answer" in nobody.stderr) == (2, True)
    missing = urlsplit(world.database_url)._replace(path="/no_such_database").geturl()
    for module in ("backend.migrate", "indexer"):
        words = (module, "migrate") if module == "indexer" else (module,)
        absent = run(world, "-m", *words, DATABASE_URL=missing)
        assert absent.returncode == 2
        assert "has no such database" in absent.stderr
        assert "create it" in absent.stderr
        assert "does not answer" not in absent.stderr
    assert "Traceback" not in no_clock.stderr + no_facts.stderr + wrong.stderr + nobody.stderr


def test_api_names_every_missing_or_invalid_setting(world: World) -> None:
    serve = ("-m", "backend.api", "--port", "0")
    key = world.environment()["RECEIPT_SIGNER_KEY"]
    done = run(world, *serve, CLOCK="", MAX_STAKE_MICRO="", RECEIPT_SIGNER_KEY=key[:-2])
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if line.startswith("api: ")]
    assert lines == [
        "api: setting CLOCK is missing: set it in the environment, as .env.example shows",
        "api: setting RECEIPT_SIGNER_KEY is invalid: a private key is 32 bytes in hex",
        "api: setting MAX_STAKE_MICRO is missing: set it in the environment, as .env.example shows",
    ]
    assert key[2:20] not in done.stderr
    reversed_limits = run(world, *serve, MAX_STAKE_MICRO="1")
    assert reversed_limits.returncode == 2
    assert "MIN_STAKE_MICRO, MAX_STAKE_MICRO and MAX_PAYOUT_MICRO" in reversed_limits.stderr
    same = run(world, *serve, WITHDRAWAL_SIGNER_KEY=key)
    assert (same.returncode, "each needs a key of its own" in same.stderr) == (2, True)
    none = run(world, *serve, DEPLOYMENT_FILE="none.json")
    assert (none.returncode, "deploy first" in none.stderr) == (2, True)


def test_version_table_is_the_schemas_own(empty_database: str) -> None:
    engine = create_engine(empty_database)
    migrate(engine)
    with engine.connect() as connection:
        schemas = connection.execute(
            text("SELECT schemaname FROM pg_tables WHERE tablename = 'alembic_version'")
        ).all()
    assert [tuple(row) for row in schemas] == [("backend",)]
    engine.dispose()
