"""Tests accepted slips: receipts, repeated submissions, reserves, and concurrency."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import psycopg
import pytest
from redis.asyncio import Redis

from backend.services import Services
from protocol.roles import Role
from protocol.signatures import recover
from protocol.typed_data import Leg, Receipt
from scripts.devnet.postgres import plain_url
from tests.backend.api.bettors import (
    ALPHA,
    BALANCE_MICRO,
    DOMAIN,
    GAMMA,
    HASH,
    HOUSE,
    NOW_S,
    RECEIPT_WINDOW_S,
    UNIT,
    Bettor,
    signed,
    slip_of,
)
from tests.backend.api.client import client, until
from tests.backend.api.fake_chain import FakeChain
from tests.backend.api.world import World


async def test_slip_is_accepted_with_a_receipt_of_the_house(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    legs = (Leg(ALPHA.name, ALPHA.result, 0), Leg(GAMMA.name, GAMMA.total, 1))
    slip = slip_of(bettor, legs=legs)
    answer = await api.post("/v1/slips", json=signed(bettor, legs=legs))
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["slip_hash"] == f"0x{slip.struct_hash().hex()}"
    assert body["odds_e4"] == [20_000, 19_000]
    assert body["payout_max_micro"] == str(5 * UNIT * 20_000 * 19_000 // 10_000**2)
    assert body["enforce_until_s"] == NOW_S + RECEIPT_WINDOW_S
    receipt = Receipt(slip.struct_hash(), body["accepted_at_s"], tuple(body["odds_e4"]))
    signature = bytes.fromhex(body["receipt"]["signature"][2:])
    assert recover(DOMAIN.digest(receipt.struct_hash()), signature) == HOUSE
    assert world.execute("SELECT count(*) FROM backend.slip_leg").fetchone() == (2,)


async def test_odds_process_and_batcher_are_notified(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    with (
        psycopg.connect(plain_url(world.database_url), autocommit=True) as listener,
        world.redis.pubsub(ignore_subscribe_messages=True) as heard,
    ):
        listener.execute("LISTEN slips")
        heard.subscribe("slips")
        heard.get_message(timeout=1)
        answer = (await api.post("/v1/slips", json=signed(bettor))).json()
        assert len(list(listener.notifies(timeout=5, stop_after=1))) == 1
        message = await asyncio.to_thread(heard.get_message, timeout=5)
    assert json.loads(message["data"]) == [
        {
            "slip": answer["id"],
            "stake_micro": 5 * UNIT,
            "legs": [{"market": f"0x{ALPHA.result.pack().hex()}", "outcome": 0}],
            "odds_e4": [20_000],
        }
    ]


async def test_slip_is_accepted_again_with_the_same_answer(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    body = signed(bettor)
    first = await api.post("/v1/slips", json=body)
    before = world.contents()
    world.clock(NOW_S + 100_000)
    world.offer(ALPHA.result)
    again = await api.post("/v1/slips", json=body)
    named = await api.post("/v1/slips", json=body, headers={"Idempotency-Key": "another"})
    assert (first.status_code, again.status_code, named.status_code) == (201, 200, 200)
    assert first.json() == again.json() == named.json()
    assert world.contents() == before


async def test_idempotency_key_of_another_slip_is_refused(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    key = {"Idempotency-Key": "one"}
    await api.post("/v1/slips", json=signed(bettor), headers=key)
    before = world.contents()
    other = await api.post("/v1/slips", json=signed(bettor, nonce=2), headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency-conflict")
    assert world.contents() == before
    stranger = world.open_account(8)
    theirs = await api.post("/v1/slips", json=signed(stranger), headers=key)
    assert theirs.status_code == 201


async def test_concurrent_submissions_of_one_slip_count_once(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    body = signed(bettor)
    answers = await asyncio.gather(*(api.post("/v1/slips", json=body) for _ in range(20)))
    assert sorted(a.status_code for a in answers) == [200] * 19 + [201]
    assert len({a.text for a in answers}) == 1
    assert world.execute("SELECT count(*) FROM backend.slip").fetchone() == (1,)


async def test_many_slips_at_once_never_exceed_the_balance(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    bodies = [signed(bettor, nonce=1 + n % 8, stake_micro=(20 + n) * UNIT) for n in range(50)]
    answers = await asyncio.gather(*(api.post("/v1/slips", json=body) for body in bodies))
    accepted = [a for a in answers if a.status_code == 201]
    codes = {a.json()["code"] for a in answers if a.status_code != 201}
    assert codes <= {"balance-insufficient", "nonce-used", "too-many-pending"}
    assert 1 <= len(accepted) <= 4
    stakes = world.execute("SELECT sum(stake_micro) FROM backend.slip").fetchone()[0]
    assert stakes <= BALANCE_MICRO
    shown = (await api.get("/v1/accounts/7")).json()
    assert int(shown["available_micro"]) == BALANCE_MICRO - stakes >= 0


async def test_two_processes_never_commit_more_than_the_bankroll(
    world: World, services: Services, chain: FakeChain
) -> None:
    world.execute("UPDATE mirror.book SET pool_micro = %s", 130 * UNIT)
    chain.set_limits(receipt_reserve_micro=100 * UNIT)
    bettors = [world.open_account(number) for number in range(10, 22)]
    other = Services.from_settings(world.settings())
    chain.serve(other)
    async with other.running(), client(services) as one, client(other) as two:
        answers = await asyncio.gather(
            *(
                (one, two)[n % 2].post("/v1/slips", json=signed(b, stake_micro=7 * UNIT))
                for n, b in enumerate(bettors)
            )
        )
    codes = [a.json().get("code") for a in answers]
    assert codes.count(None) == 4
    assert codes.count("exposure-exceeded") == 8


async def test_reserve_follows_the_chain(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    async def shown() -> tuple[int, int, int]:
        body = (await api.get("/v1/accounts/7")).json()
        return tuple(int(body[f"{n}_micro"]) for n in ("balance", "reserved", "available"))  # type: ignore[return-value]

    await api.post("/v1/slips", json=signed(bettor))
    assert await shown() == (100 * UNIT, 5 * UNIT, 95 * UNIT)
    world.place(slip_of(bettor), batch=1)
    assert await shown() == (95 * UNIT, 0, 95 * UNIT)
    left_out = await api.post("/v1/slips", json=signed(bettor, nonce=2))
    world.insert(
        "mirror.exit_request", deployment=1, account=7, amount_micro=80 * UNIT, unlocks_at_s=0
    )
    assert await shown() == (95 * UNIT, 85 * UNIT, 10 * UNIT)
    world.leave_out(left_out.json()["id"], nonce=2, reason=5)
    # The contract left it out of a batch, but its receipt can still be enforced.
    assert await shown() == (95 * UNIT, 85 * UNIT, 10 * UNIT)
    world.clock(NOW_S + RECEIPT_WINDOW_S + 1)
    assert await shown() == (95 * UNIT, 80 * UNIT, 15 * UNIT)


async def test_reserve_ends_when_the_receipt_window_has_passed(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    await api.post("/v1/slips", json=signed(bettor))
    world.clock(NOW_S + RECEIPT_WINDOW_S)
    assert (await api.get("/v1/accounts/7")).json()["reserved_micro"] == str(5 * UNIT)
    world.clock(NOW_S + RECEIPT_WINDOW_S + 1)
    assert (await api.get("/v1/accounts/7")).json()["reserved_micro"] == "0"


async def test_slip_states(api: httpx.AsyncClient, world: World, bettor: Bettor) -> None:
    slips = {}
    for nonce in range(1, 6):
        answer = await api.post("/v1/slips", json=signed(bettor, nonce=nonce))
        slips[nonce] = answer.json()["id"]
    world.place(slip_of(bettor, nonce=2), batch=1)
    world.leave_out(slips[3], nonce=3, reason=5)
    world.submit(slips[4])

    async def shown(nonce: int) -> dict[str, Any]:
        body: dict[str, Any] = (await api.get(f"/v1/slips/{slips[nonce]}")).json()
        return body

    assert (await shown(1))["status"] == "accepted"
    placed = await shown(2)
    assert (placed["status"], placed["batch"], placed["bet"]) == ("placed", 1, 0)
    assert placed["tx_hash"] == f"0x{HASH.hex()}"
    refused = await shown(3)
    assert (refused["status"], refused["reason"]) == ("refused", "balance-insufficient")
    assert (await shown(4))["status"] == "submitted"
    assert (await shown(5))["legs"][0]["outcome"] == "Home"
    world.clock(NOW_S + RECEIPT_WINDOW_S + 1)
    assert (await shown(5))["status"] == "expired"
    assert (await shown(2))["status"] == "placed"


async def test_acceptance_stands_when_redis_is_lost_afterwards(
    api: httpx.AsyncClient,
    world: World,
    bettor: Bettor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[object] = []

    def lost(*arguments: object) -> None:
        tried.append(arguments)
        raise ConnectionError("gone")

    monkeypatch.setattr(Redis, "publish", lost)
    answer = await api.post("/v1/slips", json=signed(bettor))
    assert answer.status_code == 201
    await until(lambda: tried)
    assert world.execute("SELECT count(*) FROM backend.slip").fetchone() == (1,)


async def test_no_slip_is_accepted_with_a_key_without_its_role(
    api: httpx.AsyncClient, world: World, bettor: Bettor, chain: FakeChain
) -> None:
    chain.set_receipt_key(role=Role.NONE)
    before = world.contents()
    answer = await api.post("/v1/slips", json=signed(bettor))
    assert (answer.status_code, answer.json()["code"]) == (503, "not-ready")
    for word in ("RECEIPT_SIGNER_KEY", HOUSE, "role Receipts (2)", "grantKey"):
        assert word in answer.json()["detail"]
    assert world.contents() == before
    ready = await api.get("/readyz")
    assert ready.status_code == 503
    assert any("grantKey" in line for line in ready.json()["missing"])
    chain.set_receipt_key(role=Role.RECEIPTS)
    assert (await api.post("/v1/slips", json=signed(bettor))).status_code == 201
