"""Tests what the API returns: fixtures, typed data, accounts, bets, movements, house, health."""

from __future__ import annotations

from typing import Any

import httpx
from eth_account import Account
from eth_account.messages import encode_typed_data

from backend.formatting import utc
from backend.migrate import head
from backend.services import Services
from tests.backend.api.bettors import (
    ALPHA,
    CASHIER,
    DOMAIN,
    HASH,
    HOUSE,
    NOW_S,
    START_S,
    UNIT,
    Bettor,
    body_of,
    signed,
    slip_of,
)
from tests.backend.api.client import client, is_problem, until
from tests.backend.api.fake_chain import FakeChain
from tests.backend.api.world import World


async def test_fixtures_show_markets_with_live_odds(
    api: httpx.AsyncClient, services: Services, world: World
) -> None:
    await until(lambda: len(services.odds_copy.odds) == 4 and services.odds_copy.heartbeat_received)
    fixtures = (await api.get("/v1/fixtures")).json()
    assert [f["name"] for f in fixtures] == [ALPHA.name, "Gamma v Delta, 2025-05-25"]
    alpha = fixtures[0]
    assert (alpha["id"], alpha["starts_at_s"]) == (f"0x{ALPHA.id.hex()}", START_S)
    total = alpha["markets"][1]
    assert total["id"] == f"0x{ALPHA.total.pack().hex()}"
    assert (total["kind"], total["period"], total["line_q"]) == ("Total goals", "Full time", 10)
    assert (total["outcomes"], total["labels"]) == (["Over", "Under"], ["Over 2.5", "Under 2.5"])
    assert total["odds_e4"] == [19_000, 19_000]
    assert (await api.get(f"/v1/fixtures/{alpha['id']}")).json() == alpha
    assert (await api.get(f"/v1/markets/{total['id']}")).json() == total


async def test_stale_odds_are_not_shown(
    api: httpx.AsyncClient, services: Services, world: World
) -> None:
    await until(lambda: len(services.odds_copy.odds) == 4)
    world.beat(ago_ms=6_000)
    await until(lambda: services.odds_copy.age_ms() > 5_000)
    fixtures = (await api.get("/v1/fixtures")).json()
    assert {m["odds_e4"] for f in fixtures for m in f["markets"]} == {None}


async def test_started_fixtures_leave_the_list(api: httpx.AsyncClient, world: World) -> None:
    world.clock(START_S)
    assert (await api.get("/v1/fixtures")).json() == []
    assert len((await api.get("/v1/fixtures?which=all")).json()) == 2


async def test_a_wallet_can_sign_with_what_typed_data_says(
    api: httpx.AsyncClient, services: Services, bettor: Bettor
) -> None:
    typed = (await api.get("/v1/typed-data")).json()
    assert (typed["receipt_signer"], typed["withdrawal_signer"]) == (HOUSE, CASHIER)
    assert typed["now_s"] == NOW_S
    assert typed["limits"]["max_stake_micro"] == "500000000"
    fixture = (await api.get("/v1/fixtures")).json()[0]
    market = fixture["markets"][0]
    slip = slip_of(bettor)
    leg = {
        "fixture": fixture["name"],
        "startsAt": fixture["starts_at_s"],
        "market": market["kind"],
        "period": market["period"],
        "lineQuarters": market["line_q"],
        "inPlay": market["in_play"],
        "outcome": market["outcomes"][0],
    }
    message = {
        "account": 7,
        "stakeMicro": slip.stake_micro,
        "minOddsE4": slip.min_odds_e4,
        "nonce": 1,
        "deadline": slip.deadline_s,
        "legs": [leg],
    }
    types = {name: typed["types"][name] for name in ("EIP712Domain", "Slip", "Leg")}
    full = {
        "domain": typed["domain"],
        "types": types,
        "primaryType": "Slip",
        "message": message,
    }
    signable = encode_typed_data(full_message=full)
    signature = Account.from_key(bettor.key).sign_message(signable).signature
    answer = await api.post("/v1/slips", json=body_of(slip, "0x" + bytes(signature).hex()))
    assert answer.status_code == 201, answer.text


async def test_account_by_number_and_by_owner(
    api: httpx.AsyncClient, world: World, bettor: Bettor, chain: FakeChain
) -> None:
    one = (await api.get("/v1/accounts/7")).json()
    assert one == (await api.get(f"/v1/accounts/by-owner/{bettor.address.lower()}")).json()
    assert (one["owner"], one["next_nonce"]) == (bettor.address, 1)
    assert one["withdrawal_sequence"] == 0
    chain.reachable = False
    alone = (await api.get("/v1/accounts/7")).json()
    assert (alone["next_nonce"], alone["withdrawal_sequence"]) == (1, None)
    owned = await api.get("/v1/accounts", params={"owner": bettor.address.lower()})
    assert (owned.status_code, owned.json()) == (200, {"accounts": [alone]})
    nobody = f"0x{'12' * 20}"
    unknown = await api.get(f"/v1/accounts/by-owner/{nobody}")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "account-unknown")
    none = await api.get("/v1/accounts", params={"owner": nobody})
    assert (none.status_code, none.json()) == (200, {"accounts": []})
    for owner in ({}, {"owner": "0x12"}):
        is_problem(await api.get("/v1/accounts", params=owner), 422, "body-malformed")
    for batch, (nonce, following) in enumerate(((2, 1), (1, 3), (3, 4)), start=1):
        world.place(slip_of(bettor, nonce=nonce), batch=batch)
        assert (await api.get("/v1/accounts/7")).json()["next_nonce"] == following


async def _pages(api: httpx.AsyncClient, path: str, name: str) -> list[Any]:
    found: list[Any] = []
    cursor = ""
    while True:
        page = (await api.get(f"{path}limit=2{cursor}")).json()
        found += page[name]
        if page["next_cursor"] is None:
            return found
        assert len(page[name]) == 2
        cursor = f"&cursor={page['next_cursor']}"


async def test_partly_cashed_out_bet_links_to_the_rest(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    world.place(slip_of(bettor), 1, 2 * UNIT)
    world.execute("UPDATE mirror.settlement SET cashed_out = true")
    world.place(slip_of(bettor, stake_micro=UNIT), 2, rest_of=1)
    rest, first = await _pages(api, "/v1/accounts/7/bets?", "bets")
    assert (first["state"], first["payout_micro"], first["rest_of"]) == (
        "cashed-out",
        str(2 * UNIT),
        None,
    )
    assert (rest["state"], rest["stake_micro"], rest["rest_of"]) == ("open", str(UNIT), 1)


async def test_bets_are_paged_with_names_and_stage(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    for batch in range(1, 8):
        payout = batch * UNIT if batch < 4 else None
        world.place(slip_of(bettor, nonce=batch), batch, payout)
    found = await _pages(api, "/v1/accounts/7/bets?", "bets")
    assert [b["batch"] for b in found] == [7, 6, 5, 4, 3, 2, 1]
    world.execute("UPDATE mirror.block SET timestamp_s = %s WHERE number = 14", START_S + 9_000)
    world.execute("UPDATE mirror.deployment SET confirmed_block = 15, final_block = 13")
    opened = await _pages(api, "/v1/accounts/7/bets?status=open&", "bets")
    # batch n is in block 10 + n, and its settlement in the next one
    assert [(b["batch"], b["stage"]) for b in opened] == [
        (7, "tentative"),
        (6, "tentative"),
        (5, "confirmed"),
        (4, "confirmed"),
    ]
    settled = await _pages(api, "/v1/accounts/7/bets?status=settled&", "bets")
    assert [b["payout_micro"] for b in settled] == ["3000000", "2000000", "1000000"]
    assert [b["stage"] for b in settled] == ["confirmed", "final", "final"]
    bet = (await api.get("/v1/bets/3/0")).json()
    assert bet == settled[0]
    assert (bet["state"], bet["settlement_tx_hash"]) == ("settled", f"0x{HASH.hex()}")
    assert bet["settled_at_s"] == START_S + 9_000
    assert [one["settled_at_s"] for one in opened] == [None] * 4
    assert bet["legs"][0]["fixture"] == ALPHA.name
    assert bet["legs"][0]["competition"] == "Test"
    assert (bet["legs"][0]["kind"], bet["legs"][0]["outcome"]) == ("Match result", "Home")
    assert (await api.get("/v1/bets/99/0")).status_code == 404


async def test_movements_of_a_bet_have_the_transactions_of_batch_and_settlement(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    world.place(slip_of(bettor), 1, payout_micro=UNIT)
    for block, kind in ((11, "stake"), (12, "payout")):
        world.insert(
            "mirror.movement",
            **{"deployment": 1, "block": block, "log_index": 0, "seq": 0, "account": 7},
            **{"kind": kind, "delta_micro": UNIT, "batch": 1, "bet": 0},
        )
    world.execute("UPDATE mirror.settlement SET tx_hash = %s", b"\x22" * 32)
    found = (await api.get("/v1/accounts/7/movements")).json()["movements"]
    assert [(m["kind"], m["tx_hash"]) for m in found] == [
        ("payout", "0x" + "22" * 32),
        ("stake", f"0x{HASH.hex()}"),
        ("deposit", None),
    ]


async def test_slips_are_listed_and_found_by_hash(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    accepted = []
    for nonce in range(1, 6):
        world.clock(NOW_S + nonce // 2)
        answer = await api.post("/v1/slips", json=signed(bettor, nonce=nonce, stake_micro=UNIT))
        assert answer.status_code == 201, answer.text
        accepted.append(answer.json())
    world.place(slip_of(bettor, nonce=1, stake_micro=UNIT), batch=1)
    found = await _pages(api, "/v1/accounts/7/slips?", "slips")
    assert [slip["nonce"] for slip in found] == [5, 4, 3, 2, 1]
    assert [slip["id"] for slip in found] == [slip["id"] for slip in reversed(accepted)]
    assert [slip["status"] for slip in found] == [*["accepted"] * 4, "placed"]
    for slip in found:
        assert (await api.get(f"/v1/slips/{slip['id']}")).json() == slip
        assert (await api.get(f"/v1/slips/by-hash/{slip['slip_hash']}")).json() == slip
    assert (await api.get("/v1/accounts/8/slips")).json()["slips"] == []
    is_problem(await api.get(f"/v1/slips/by-hash/0x{'00' * 32}"), 404, "not-found")


async def test_movements_are_paged(api: httpx.AsyncClient, world: World, bettor: Bettor) -> None:
    for number in range(4):
        world.insert(
            "mirror.movement",
            deployment=1,
            block=5 + number,
            log_index=0,
            seq=0,
            account=7,
            kind="withdrawal",
            delta_micro=-number,
            tx_hash=bytes((number,)),
        )
    world.execute("UPDATE mirror.block SET timestamp_s = %s + number", NOW_S)
    found = await _pages(api, "/v1/accounts/7/movements?", "movements")
    assert [m["at_s"] - NOW_S for m in found] == [8, 7, 6, 5, 1]
    assert [m["tx_hash"] for m in found] == ["0x03", "0x02", "0x01", "0x00", None]
    assert [m["delta_micro"] for m in found] == ["-3", "-2", "-1", "0", str(100 * UNIT)]
    assert found[-1]["kind"] == "deposit"


async def test_house_shows_its_book(api: httpx.AsyncClient, world: World) -> None:
    world.execute("UPDATE mirror.book SET owed_micro = 5, locked_micro = 7")
    house = (await api.get("/v1/house")).json()
    assert int(house["free_micro"]) == 1_000_000 * UNIT - 12
    assert house["head_block"] == 20


async def test_readiness_names_what_is_missing(world: World, chain: FakeChain) -> None:
    services = Services.from_settings(world.settings())
    chain.serve(services)
    async with services.running(), client(services) as api:
        await until(lambda: services.odds_copy.heartbeat_received)
        ready = await api.get("/readyz")
        assert (ready.status_code, ready.json()["head_block"]) == (200, 20)
        assert (await api.get("/healthz")).json() == {"status": "ok"}

        async def missing() -> str:
            answer = await api.get("/readyz")
            assert (answer.status_code, answer.json()["code"]) == (503, "not-ready")
            return " ".join(answer.json()["missing"])

        world.beat(ago_ms=10_000)
        await until(lambda: services.odds_copy.age_ms() > 5_000)
        assert "python -m backend.odds" in await missing()
        world.beat()
        chain.set_receipt_key(until_s=NOW_S)
        chain.set_withdrawal_key(from_s=NOW_S + 1)
        named = await missing()
        assert (
            f"RECEIPT_SIGNER_KEY is the key of {HOUSE}, which was retired at {utc(NOW_S)}" in named
        )
        assert f"WITHDRAWAL_SIGNER_KEY is the key of {CASHIER}, whose role" in named
        assert f"counts from {utc(NOW_S + 1)} on" in named
        chain.reachable = False
        assert "The chain node at RPC_URL cannot be used" in await missing()
        world.execute("UPDATE mirror.deployment SET head_block = NULL")
        assert "start the indexer" in await missing()
        world.execute("UPDATE backend.alembic_version SET version_num = 'old'")
        assert "python -m backend.migrate" in await missing()
        world.execute("UPDATE backend.alembic_version SET version_num = %s", head())


async def test_unreachable_servers_are_named(world: World, bettor: Bettor) -> None:
    away = {"database_url": "postgresql+psycopg://127.0.0.1:1/none", "redis_url": "redis://[::1]:1"}
    services = Services.from_settings(world.settings(**away))
    services.database.acquire_timeout_s = 0.2
    async with services.running(), client(services) as api:
        answer = (await api.get("/readyz")).json()
        assert "DATABASE_URL" in answer["detail"]
        assert "REDIS_URL" in answer["detail"]
        fixtures = await api.get("/v1/fixtures")
        assert (fixtures.status_code, fixtures.json()["code"]) == (503, "not-ready")


async def test_metrics_page_and_headers(api: httpx.AsyncClient, bettor: Bettor) -> None:
    await api.get("/v1/accounts/7")
    metrics = (await api.get("/metrics")).text
    assert 'route="/v1/accounts/{account}",status="200"' in metrics
    page = await api.get("/")
    assert "Fairline" in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    script = page.text.split('src="/assets/')[1].split('"')[0]
    served = await api.get(f"/assets/{script}")
    assert "immutable" in served.headers["cache-control"]
    for name in ("style.css", "reference.js"):
        assert (await api.get(f"/docs/{name}")).status_code == 200


async def test_openapi_declares_refusals_with_examples(api: httpx.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()
    post = document["paths"]["/v1/slips"]["post"]["responses"]
    problems = post["409"]["content"]["application/problem+json"]["examples"]
    assert {"odds-moved", "balance-insufficient", "market-started"} <= problems.keys()
    assert "examples" in document["components"]["schemas"]["SlipCreate"]["properties"]["nonce"]
    assert DOMAIN.contract not in str(post["422"])


async def test_openapi_describes_every_parameter_and_gives_every_field_an_example(
    api: httpx.AsyncClient,
) -> None:
    document = (await api.get("/openapi.json")).json()
    bare = [
        f"{path} {parameter['name']}"
        for path, methods in document["paths"].items()
        for operation in methods.values()
        for parameter in operation.get("parameters", [])
        if not parameter.get("description")
    ]
    bare += [
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        for field, form in schema.get("properties", {}).items()
        if "examples" not in form and "$ref" not in str(form)
    ]
    assert bare == []
