"""Tests the live-odds process with real servers: what it publishes, and what it survives."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backend.feed.facts import FixtureFacts, write_facts
from backend.feed.reading import load_facts
from backend.odds.redis_messages import AcceptedLeg, AcceptedSlip, slips_json
from protocol.market_id import Kind, MarketId

if TYPE_CHECKING:
    from tests.backend.odds.conftest import House

LAST_DAY_S = 1_748_131_200  # 2025-05-25

RESULT = (Kind.MATCH_RESULT, 0)
DOUBLE = (Kind.DOUBLE_CHANCE, 0)
GOALS = (Kind.TOTAL_GOALS, 10)
HANDICAP = (Kind.ASIAN_HANDICAP, -3)


def offered(house: House, market: MarketId) -> dict[str, Any] | None:
    value = house.redis_server.client.hget(
        f"odds:0x{market.fixture.hex()}", f"0x{market.pack().hex()}"
    )
    return None if value is None else json.loads(value)


def shown(house: House, market: MarketId) -> dict[str, Any]:
    odds: dict[str, Any] = house.wait_for(lambda: offered(house, market))
    return odds


def slip_message(slip: object, market: MarketId, stake_micro: int, odds_e4: int) -> bytes:
    leg = AcceptedLeg(market.pack(), 0, odds_e4)
    return slips_json([AcceptedSlip(str(slip), stake_micro, (leg,))])


def heartbeat_ms(house: House) -> int:
    return int(house.redis_server.client.get("odds:heartbeat") or 0)


def test_all_open_markets_get_odds_and_a_heartbeat(
    house: House, last_day: list[FixtureFacts]
) -> None:
    markets = [
        market
        for fixture in last_day
        for market in house.open(fixture, RESULT, DOUBLE, GOALS, HANDICAP)
    ]
    house.start()
    for market in markets:
        odds = shown(house, market)
        assert len(odds["odds_e4"]) == len(market.outcomes)
        assert all(isinstance(one, int) and one > 10_000 for one in odds["odds_e4"])
        whole = 2 if market.kind is Kind.DOUBLE_CHANCE else 1
        assert whole < sum(10_000 / one for one in odds["odds_e4"]) < whole * 1.12
        assert abs(odds["at_ms"] - time.time() * 1_000) < 60_000
    first = house.wait_for(lambda: heartbeat_ms(house))
    assert house.wait_for(lambda: heartbeat_ms(house) > first)


def test_market_opened_later_is_picked_up(house: House, last_day: list[FixtureFacts]) -> None:
    (result,) = house.open(last_day[0], RESULT)
    house.start()
    shown(house, result)
    began = time.monotonic()
    (goals,) = house.open(last_day[0], GOALS)
    shown(house, goals)
    assert time.monotonic() - began < 0.9  # by the notification, before the next tick
    (other,) = house.open(last_day[1], RESULT)
    shown(house, other)


def test_accepted_slip_moves_the_odds_on_the_channel(
    house: House, last_day: list[FixtureFacts]
) -> None:
    result, handicap = house.open(last_day[0], RESULT, HANDICAP)
    house.start()
    before, other_before = shown(house, result), shown(house, handicap)
    client = house.redis_server.client
    with client.pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe("odds")
        house.wait_for(lambda: client.pubsub_numsub("odds")[0][1])
        slip = house.accept(result, 0, 4_000_000_000, before["odds_e4"][0])
        message = slip_message(slip, result, 4_000_000_000, before["odds_e4"][0])
        client.publish("slips", message)
        client.publish("slips", message)  # received twice, counted once
        client.publish("slips", "not a slip")
        changes: dict[str, Any] = {}
        while len(changes) < 2:
            change = house.wait_for(lambda: heard.get_message(timeout=0.1))
            body = json.loads(change["data"])
            changes[body["market"]] = body
    now = changes[f"0x{result.pack().hex()}"]
    assert now["fixture"] == f"0x{result.fixture.hex()}"
    assert now["odds_e4"][0] < before["odds_e4"][0]
    assert now["odds_e4"][2] > before["odds_e4"][2]
    assert now["version"] > before["version"]
    assert changes[f"0x{handicap.pack().hex()}"]["odds_e4"][0] < other_before["odds_e4"][0]
    assert offered(house, result) == {key: now[key] for key in ("odds_e4", "version", "at_ms")}


def test_restart_gives_the_same_odds(house: House, last_day: list[FixtureFacts]) -> None:
    (result,) = house.open(last_day[0], RESULT)
    first = house.start()
    before = shown(house, result)
    slip = house.accept(result, 0, 4_000_000_000, before["odds_e4"][0])
    message = slip_message(slip, result, 4_000_000_000, before["odds_e4"][0])
    house.redis_server.client.publish("slips", message)
    house.wait_for(lambda: offered(house, result) != before)
    moved = shown(house, result)
    house.stop(first, signal.SIGKILL)
    house.redis_server.client.flushall()
    house.start()
    again = shown(house, result)
    assert again["odds_e4"] == moved["odds_e4"]
    assert again["version"] > moved["version"]


def test_slip_that_the_chain_refused_moves_nothing(
    house: House, last_day: list[FixtureFacts]
) -> None:
    (one,), (two,) = house.open(last_day[0], RESULT), house.open(last_day[1], RESULT)
    process = house.start()
    before = shown(house, one), shown(house, two)
    house.stop(process)
    house.leave_out(house.accept(one, 0, 4_000_000_000, 20_000, nonce=1), nonce=1)
    placed = house.accept(two, 0, 4_000_000_000, 20_000, nonce=2)
    house.leave_out(placed, nonce=2)
    house.place(placed, batch=9)
    house.start()
    house.wait_for(lambda: shown(house, two) != before[1])
    assert shown(house, one) == before[0]


def test_emptied_redis_is_filled_again(house: House, last_day: list[FixtureFacts]) -> None:
    markets = house.open(last_day[0], RESULT, GOALS)
    house.start()
    before = [shown(house, market) for market in markets]
    house.redis_server.client.flushall()
    assert [shown(house, market) for market in markets] == before


def test_restarted_redis_is_filled_again(house: House, last_day: list[FixtureFacts]) -> None:
    (result,) = house.open(last_day[0], RESULT)
    house.start()
    before = shown(house, result)
    house.redis_server.stop()
    house.wait_for(lambda: house.connections() < 2)
    house.redis_server.start()
    assert shown(house, result) == before
    house.wait_for(lambda: house.redis_server.client.pubsub_numsub("slips")[0][1])


def test_outage_of_redis_is_logged_once_when_it_begins_and_once_when_it_ends(
    house: House, last_day: list[FixtureFacts]
) -> None:
    (result,) = house.open(last_day[0], RESULT)
    process = house.start()
    before = shown(house, result)
    house.redis_server.stop()
    # It asks for the lock again with each attempt, one per second.
    attempts = set()

    def tried() -> int:
        attempts.add(house.locked_at())
        return len(attempts - {None})

    house.wait_for(lambda: tried() >= 4)
    house.redis_server.start()
    assert shown(house, result) == before
    beat = heartbeat_ms(house)
    house.wait_for(lambda: heartbeat_ms(house) > beat)
    output = house.stop(process)
    events = ("odds.leads", "odds.unreachable", "odds.reachable")
    assert [output.count(f"event='{event}'") for event in events] == [1, 1, 1], output


def test_slip_whose_message_was_lost_still_moves_the_odds(
    house: House, last_day: list[FixtureFacts]
) -> None:
    (result,) = house.open(last_day[0], RESULT)
    process = house.start()
    before = shown(house, result)
    house.redis_server.stop()
    house.accept(result, 0, 10_000_000_000, before["odds_e4"][0])
    house.wait_for(lambda: house.connections() < 2)
    house.redis_server.start()
    house.wait_for(lambda: (offered(house, result) or before) != before)
    assert shown(house, result)["odds_e4"][0] < before["odds_e4"][0]
    assert house.stop(process).count("odds.unreachable") >= 1


def test_odds_are_withdrawn_when_the_fixture_starts_or_closes(
    house: House, last_day: list[FixtureFacts]
) -> None:
    (one,), (two,) = house.open(last_day[0], RESULT), house.open(last_day[1], RESULT)
    house.start()
    shown(house, one), shown(house, two)
    client = house.redis_server.client
    with client.pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe("odds")
        house.wait_for(lambda: client.pubsub_numsub("odds")[0][1])
        house.database.execute(
            "update backend.market set status = 'suspended' where id = %s", [one.pack()]
        )
        house.database.execute("notify markets")
        withdrawn = house.wait_for(lambda: heard.get_message(timeout=0.1))
    assert json.loads(withdrawn["data"])["odds_e4"] == []
    assert offered(house, one) is None
    assert offered(house, two)
    house.clock(two.starts_at_s)
    house.wait_for(lambda: offered(house, two) is None)


def test_odds_of_an_earlier_process_are_withdrawn(
    house: House, last_day: list[FixtureFacts]
) -> None:
    (one,), (two,) = house.open(last_day[0], RESULT), house.open(last_day[1], RESULT)
    first = house.start()
    shown(house, one), shown(house, two)
    house.stop(first)
    house.database.execute(
        "update backend.fixture set status = 'closed' where id = %s", [one.fixture]
    )
    house.start()
    house.wait_for(lambda: offered(house, one) is None)
    assert offered(house, two)


def test_no_heartbeat_without_a_chain_clock(house: House, last_day: list[FixtureFacts]) -> None:
    (result,) = house.open(last_day[0], RESULT)
    house.database.execute("delete from mirror.deployment")
    process = house.start()
    house.wait_for(lambda: house.connections() >= 2)
    first = house.wait_for(house.clock_read_at)
    house.wait_for(lambda: (house.clock_read_at() or first) > first)
    assert offered(house, result) is None
    assert heartbeat_ms(house) == 0
    house.clock(LAST_DAY_S)
    shown(house, result)
    assert "odds.mirror_empty" in house.stop(process)


def test_standby_process_takes_over(house: House, last_day: list[FixtureFacts]) -> None:
    (result,) = house.open(last_day[0], RESULT)
    first = house.start()
    before = shown(house, result)
    second = house.start()
    house.wait_for(lambda: house.connections() >= 4)
    house.stop(first, signal.SIGKILL)
    dead_ms = heartbeat_ms(house)
    assert house.wait_for(lambda: heartbeat_ms(house) > dead_ms)
    assert offered(house, result) == before
    assert "odds.standby" in house.stop(second)


def test_sigterm_stops_the_process_cleanly(house: House, last_day: list[FixtureFacts]) -> None:
    (result,) = house.open(last_day[0], RESULT)
    process = house.start()
    shown(house, result)
    began = time.monotonic()
    said = house.stop(process)
    assert process.returncode == 0
    assert time.monotonic() - began < 3
    assert "Traceback" not in said


def refused(house: House, **environment: str | None) -> str:
    for name, value in environment.items():
        house.environment.pop(name, None)
        if value is not None:
            house.environment[name] = value
    process = house.start()
    said, _ = process.communicate(timeout=20)
    assert process.returncode == 2
    return said


def test_missing_settings_are_named(house: House) -> None:
    said = refused(house, ODDS_DEPTH_MICRO=None, CLOCK="sun")
    assert "odds: setting ODDS_DEPTH_MICRO is missing: set it in the environment" in said
    assert "odds: setting CLOCK is invalid: Input should be 'wall' or 'chain'" in said
    assert "Traceback" not in said


def test_bad_facts_end_it_with_a_sentence(house: House) -> None:
    assert "cannot read the facts file" in refused(house, FACTS_FILE="/nowhere.csv")


def test_missing_deployment_ends_it_with_a_sentence(house: House) -> None:
    assert "is not a deployment file" in refused(house, DEPLOYMENT_FILE="/nowhere.json")


def test_running_process_learns_new_facts(
    house: House, last_day: list[FixtureFacts], tmp_path: Path
) -> None:
    facts = load_facts(house.environment["FACTS_FILE"])
    early = [fixture for fixture in facts if fixture.starts_at_s < LAST_DAY_S - 60 * 86_400]
    path = tmp_path / "facts.csv"
    write_facts(path, early)
    house.environment["FACTS_FILE"] = str(path)
    (result,) = house.open(last_day[0], RESULT)
    process = house.start()
    before = shown(house, result)
    path.write_text("nothing")
    first = heartbeat_ms(house)
    assert house.wait_for(lambda: heartbeat_ms(house) > first + 1_000)
    assert shown(house, result) == before, "a file that cannot be read changes nothing"
    write_facts(tmp_path / "new.csv", facts)
    (tmp_path / "new.csv").replace(path)
    house.wait_for(lambda: shown(house, result)["odds_e4"] != before["odds_e4"])
    learnt = shown(house, result)
    said = house.stop(process)
    assert "odds.facts_unreadable" in said
    assert "odds.facts_learnt" in said
    house.start()
    house.wait_for(lambda: heartbeat_ms(house) > learnt["at_ms"] + 1_500)
    assert shown(house, result)["odds_e4"] == learnt["odds_e4"], "as after a restart"


def test_odds_that_changed_are_kept_and_nothing_else(
    house: House, last_day: list[FixtureFacts]
) -> None:
    """Across a Redis that is emptied and a process that is started again."""
    result, goals = house.open(last_day[0], RESULT, GOALS)

    def kept(market: MarketId) -> list[list[int]]:
        rows = house.database.execute(
            "select odds_e4 from backend.price where market = %s order by at_s", [market.pack()]
        )
        return [row[0] for row in rows.fetchall()]

    first = house.start()
    before = shown(house, result)["odds_e4"]
    house.wait_for(lambda: kept(result) == [before] and len(kept(goals)) == 1)
    house.stop(first)
    house.redis_server.client.flushall()
    house.start()
    assert shown(house, result)["odds_e4"] == before
    house.clock(LAST_DAY_S + 3_700)
    slip = house.accept(result, 0, 4_000_000_000, before[0])
    message = slip_message(slip, result, 4_000_000_000, before[0])
    house.redis_server.client.publish("slips", message)
    house.wait_for(lambda: len(kept(result)) == 2)
    assert kept(result) == [before, shown(house, result)["odds_e4"]]
    house.database.execute("update backend.market set status = 'suspended'")
    house.clock(LAST_DAY_S + 3_800)
    house.wait_for(lambda: kept(result)[-1] == [])
    assert len(kept(result)) == 3
