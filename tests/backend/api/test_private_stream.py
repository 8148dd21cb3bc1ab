"""The private part of the stream: of a real process, with rows that change as indexer and API
change them.

Branches: all of the account first · a slip from accepted to final, one that is left out, one that
is at other terms · a bet that is settled, undone by a reorg · a change of the balance · an owner
without an account, who gets one · two owners, who do not hear of each other · one statement for
all · nothing polled · odds beside it · a ticket that is used, expired, invented, of an ended
session · a session that ends while the stream is open · PostgreSQL that closes the connection · a
slow reader.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from eth_utils.crypto import keccak
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from backend.account_events import watcher
from backend.account_events.changes import OwnerView, message_of
from backend.account_events.watcher import Watch
from backend.services import Services
from backend.sessions.store import Session
from backend.stream.tickets import TICKET_S
from protocol.placed_event import SkipReason
from scripts.devnet import Redis
from tests.backend.api.bettors import ALPHA, HASH, NOW_S, UNIT, Bettor, leg, signed, slip_of
from tests.backend.api.client import client, is_problem
from tests.backend.api.open_house import open_house
from tests.backend.api.own_streams import PUBLIC, accept, block, enter, heard, private, ticket
from tests.backend.api.signing_in import signed_in
from tests.backend.api.world import World
from tests.backend.surface.process import ApiProcess, running_api


@pytest.fixture(scope="module")
def process(
    module_database: str, redis_server: Redis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ApiProcess]:
    """An API in a process of its own, for all tests of the module."""
    folder = tmp_path_factory.mktemp("private_stream")
    made = World(module_database, redis_server.url(), folder)
    made.redis.flushall()
    open_house(made)
    with running_api(folder, made.environment()) as api:
        yield api
    made.connection.close()
    made.redis.close()


@pytest.fixture
def server(process: ApiProcess, world: World) -> str:
    """Its host and port, over the rows of the test."""
    return process.url.removeprefix("http://")


async def test_a_slip_is_followed_from_acceptance_to_settlement(
    server: str, world: World, bettor: Bettor
) -> None:
    async with private(server, bettor) as socket:
        first = await heard(socket)
        assert first["type"] == "account"
        assert first["account"]["balance_micro"] == first["account"]["available_micro"]
        assert (first["slips"], first["bets"], first["undone_bets"]) == ([], [], [])

        slip = await accept(server, world, bettor, 1)
        accepted = await heard(socket)
        assert accepted["type"] == "account-change"
        assert [(s["id"], s["status"]) for s in accepted["slips"]] == [(slip, "accepted")]
        assert accepted["account"]["reserved_micro"] == str(5 * UNIT)
        assert accepted["account"]["next_nonce"] == 2

        world.submit(slip)
        block(world)
        submitted = await heard(socket)
        assert [(s["status"], s["stage"]) for s in submitted["slips"]] == [("submitted", None)]
        assert submitted["account"] is None

        world.execute("UPDATE mirror.deployment SET confirmed_block = 14")
        world.place(slip_of(bettor), 5)
        block(world)
        placed = await heard(socket)
        [row] = placed["slips"]
        assert (row["status"], row["stage"], row["batch"], row["bet"]) == (
            *("placed", "tentative"),
            *(5, 0),
        )
        assert row["tx_hash"] == f"0x{HASH.hex()}"
        assert [(b["state"], b["stage"]) for b in placed["bets"]] == [("open", "tentative")]
        assert placed["account"]["balance_micro"] == str(95 * UNIT)

        world.confirm(15)
        block(world)
        confirmed = await heard(socket)
        assert [s["stage"] for s in confirmed["slips"]] == ["confirmed"]
        world.execute("UPDATE mirror.deployment SET final_block = 15")
        block(world)
        final = await heard(socket)
        assert [s["stage"] for s in final["slips"]] == ["final"]
        assert [b["stage"] for b in final["bets"]] == ["final"]

        world.insert(
            "mirror.settlement",
            **{"deployment": 1, "batch": 5, "bet": 0, "block": 16, "log_index": 0},
            **{"tx_hash": HASH, "payout_micro": 10 * UNIT, "cashed_out": False, "replaced": False},
        )
        world.execute("UPDATE mirror.balance SET balance_micro = %s", 105 * UNIT)
        block(world)
        settled = await heard(socket)
        [bet] = settled["bets"]
        assert (bet["state"], bet["payout_micro"], bet["stage"]) == (
            *("settled", str(10 * UNIT)),
            "tentative",
        )
        assert settled["account"]["balance_micro"] == str(105 * UNIT)


async def test_what_the_house_sends_is_followed_without_an_account(
    server: str, world: World
) -> None:
    """A first deposit that the house sends opens the account: its owner has none before."""
    newcomer = Bettor(8, keccak(text="newcomer"))
    async with private(server, newcomer) as socket:
        first = await heard(socket)
        assert (first["account"], first["relays"]) == (None, [])
        with world.connection.transaction():
            world.insert(
                "backend.relay",
                **{"hash": HASH, "kind": "permit", "owner": newcomer.address, "value": 5 * UNIT},
                **{"number": 2**255, "deadline_s": NOW_S + 600, "signature": b"", "gas": 1},
                **{"received_at_s": NOW_S, "counted_at_s": NOW_S},
            )
            world.execute("SELECT pg_notify('relays', '')")
        [waiting] = (await heard(socket))["relays"]
        assert (waiting["relay_hash"], waiting["status"]) == (f"0x{HASH.hex()}", "waiting")
        assert (waiting["value"], waiting["number"]) == (str(5 * UNIT), str(2**255))
        # That it has expired needs no notification but that of the block.
        world.clock(NOW_S + 600)
        block(world)
        [refused] = (await heard(socket))["relays"]
        assert (refused["status"], refused["reason"]) == ("refused", "expired")
        # Those of others are not sent.
        world.execute("UPDATE backend.relay SET owner = %s", Bettor(9, HASH).address)
        block(world)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(heard(socket), 2)


async def test_a_slip_that_is_left_out_or_undone_is_said_so(
    server: str, world: World, bettor: Bettor
) -> None:
    async with private(server, bettor) as socket:
        await heard(socket)
        slip = await accept(server, world, bettor, 1)
        await heard(socket)
        world.leave_out(slip, 1, SkipReason.CAP_EXCEEDED)
        block(world)
        [row] = (await heard(socket))["slips"]
        assert (row["status"], row["reason"]) == ("refused", "cap-exceeded")

        world.place(slip_of(bettor, nonce=2), 3)
        block(world)
        placed = await heard(socket)
        assert [b["batch"] for b in placed["bets"]] == [3]
        # A reorg: the indexer removes the block's rows.
        for table in ("leg", "bet", "batch"):
            world.execute(f"DELETE FROM mirror.{table} WHERE batch = 3")
        block(world)
        undone = await heard(socket)
        assert undone["undone_bets"] == [{"batch": 3, "bet": 0}]


async def test_owners_do_not_hear_of_each_other(server: str, world: World, bettor: Bettor) -> None:
    other = world.open_account(8)
    async with private(server, bettor) as one, private(server, other) as two:
        assert (await heard(one))["account"]["account"] == 7
        assert (await heard(two))["account"]["account"] == 8
        world.execute("UPDATE mirror.balance SET balance_micro = 1 WHERE account = 8")
        block(world)
        assert (await heard(two))["account"]["balance_micro"] == "1"
        world.execute("UPDATE mirror.balance SET balance_micro = 2 WHERE account = 7")
        block(world)
        # The first message to `one` since is of its own change.
        assert (await heard(one))["account"]["balance_micro"] == "2"


async def test_an_account_that_opens_while_its_owner_watches(server: str, world: World) -> None:
    newcomer = Bettor(9, keccak(text="bettor 9"))
    async with private(server, newcomer) as socket:
        first = await heard(socket)
        assert (first["type"], first["account"]) == ("account", None)
        world.open_account(9)
        block(world)
        assert (await heard(socket))["account"]["account"] == 9


async def test_odds_go_on_beside_it_and_the_public_stream_has_nothing_private(
    server: str, world: World, bettor: Bettor
) -> None:
    async with private(server, bettor) as own, connect(f"ws://{server}/v1/stream") as public:
        await heard(own)
        world.execute("UPDATE mirror.balance SET balance_micro = 3")
        block(world)
        await heard(own)
        world.offer(ALPHA.result, 21_000, 31_000, 40_000, version=2)
        for socket in (own, public):
            while True:
                message = json.loads(await asyncio.wait_for(socket.recv(), 20))
                assert message["type"] in PUBLIC
                if message["type"] == "delta":
                    break


async def test_ticket_counts_once_and_only_a_ticket_does(
    server: str, world: World, bettor: Bettor
) -> None:
    headers = await enter(server, bettor)
    made = await ticket(server, headers)
    kept = b" ".join(world.redis.keys("*"))
    assert made.encode() not in kept
    async with connect(f"ws://{server}/v1/stream?ticket={made}") as socket:
        await heard(socket)
        expired = await ticket(server, headers)
        [key] = world.redis.keys("ticket:*")
        assert 0 < world.redis.ttl(key) <= TICKET_S
        world.redis.delete(key)
        token = headers["Authorization"].removeprefix("Bearer ")
        for wrong in (made, expired, token, "", "x", "A" * 43, "%00"):
            with pytest.raises(InvalidStatus) as refused:
                async with connect(f"ws://{server}/v1/stream?ticket={wrong}"):
                    pass
            assert refused.value.response.status_code == 401
            assert json.loads(refused.value.response.body or b"")["code"] == "ticket-unknown"


async def test_ticket_needs_a_session(server: str, world: World, bettor: Bettor) -> None:
    headers = await enter(server, bettor)
    made = await ticket(server, headers)
    async with httpx.AsyncClient(base_url=f"http://{server}") as api:
        is_problem(await api.post("/v1/stream/tickets"), 401, "session-required")
        crossing = {**headers, "Origin": "https://evil.example"}
        answer = await api.post("/v1/stream/tickets", headers=crossing)
        is_problem(answer, 403, "cross-site-request")
        await api.delete("/v1/sessions", headers=headers)
        is_problem(await api.post("/v1/stream/tickets", headers=headers), 401, "session-required")
    # One that was given out before its session ended is of no use after.
    with pytest.raises(InvalidStatus):
        async with connect(f"ws://{server}/v1/stream?ticket={made}"):
            pass


async def test_stream_ends_with_its_session(server: str, world: World, bettor: Bettor) -> None:
    headers = await enter(server, bettor)
    made = await ticket(server, headers)
    async with connect(f"ws://{server}/v1/stream?ticket={made}") as socket:
        await heard(socket)
        async with httpx.AsyncClient(base_url=f"http://{server}") as api:
            await api.delete("/v1/sessions/current", headers=headers)
        await asyncio.wait_for(socket.wait_closed(), 30)
        assert socket.close_code == 4401


async def test_lost_connection_to_postgresql_costs_no_event(
    server: str, world: World, bettor: Bettor
) -> None:
    async with private(server, bettor) as socket:
        await heard(socket)
        world.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name LIKE 'api%%' AND datname = current_database()"
        )
        # Nobody listens to this notification.
        world.execute("UPDATE mirror.balance SET balance_micro = 4")
        block(world)
        assert (await heard(socket))["account"]["balance_micro"] == "4"


async def test_all_owners_are_read_with_one_statement_and_only_when_something_happened(
    services: Services, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    rows = services.database.rows

    async def counted(statement: str, parameters: Any) -> Any:
        asked.append(parameters["owners"])
        return await rows(statement, parameters)

    bettors = [world.open_account(number) for number in range(10, 30)]
    sessions = [(await services.sessions.open(bettor.address, ""))[0] for bettor in bettors]
    # Let what happened at the start be read.
    await asyncio.sleep(3 * watcher.TICK_S)
    monkeypatch.setattr(services.database, "rows", counted)
    watches = [services.account_events.watch(session) for session in sessions]
    seen = [watch.__enter__() for watch in watches]
    first = await asyncio.gather(*(watch.next() for watch in seen))
    assert [message and message["account"]["account"] for message in first] == [*range(10, 30)]
    assert len(asked) == 1
    await asyncio.sleep(1)
    assert len(asked) == 1
    for _ in range(50):
        block(world)
    world.execute("UPDATE mirror.balance SET balance_micro = 5")
    block(world)
    await asyncio.gather(*(watch.next() for watch in seen))
    assert len(asked) <= 4
    assert all(sorted(owners) == sorted(b.address for b in bettors) for owners in asked)
    for watch in watches:
        watch.__exit__(None, None, None)
    block(world)
    await asyncio.sleep(3 * watcher.TICK_S)
    assert len(asked) <= 4


async def test_slow_reader_gets_the_newest_once() -> None:
    watch = Watch(Session("", "", "", "", "", 0, 0))
    for balance in ("1", "2", "3"):
        watch.show(OwnerView({"balance_micro": balance}))
    first = await watch.next()
    assert first is not None
    assert (first["type"], first["account"]) == ("account", {"balance_micro": "3"})
    watch.show(OwnerView({"balance_micro": "4"}))
    watch.show(OwnerView({"balance_micro": "3"}))
    waiting = asyncio.create_task(watch.next())
    await asyncio.sleep(0.05)
    assert not waiting.done()
    watch.end()
    assert await waiting is None


def test_what_is_final_may_leave_in_silence() -> None:
    final, open_ = {"stage": "final"}, {"stage": "confirmed"}
    before = OwnerView({}, {}, {(1, 0): final, (2, 0): open_})
    assert message_of(before, OwnerView({}, {}, {(2, 0): open_})) is None
    undone = message_of(before, OwnerView({}, {}, {(1, 0): final}))
    assert undone is not None
    assert undone["undone_bets"] == [{"batch": 2, "bet": 0}]


async def test_accepted_slip_is_sent_by_the_process_that_took_it(
    services: Services, bettor: Bettor
) -> None:
    services.settings = services.settings.model_copy(
        update={"public_url": "https://app.example.org"}
    )
    async with client(services) as api:
        headers = await signed_in(api, bettor)
        session = await services.sessions.find(headers["Authorization"].removeprefix("Bearer "))
        assert session is not None
        with services.account_events.watch(session) as watch:
            assert await watch.next() is not None
            slip = await api.post("/v1/slips", json=signed(bettor, legs=leg(ALPHA)))
            assert slip.status_code == 201, slip.text
            message = await asyncio.wait_for(watch.next(), 10)
            assert message is not None
            assert [row["id"] for row in message["slips"]] == [slip.json()["id"]]


async def test_bets_of_long_ago_are_left_out(
    services: Services, world: World, bettor: Bettor
) -> None:
    world.place(slip_of(bettor, nonce=1), 1, payout_micro=1)
    world.place(slip_of(bettor, nonce=2), 2)
    world.execute("UPDATE mirror.deployment SET head_block = 400, final_block = 300")
    session, _ = await services.sessions.open(bettor.address, "")
    with services.account_events.watch(session) as watch:
        message = await asyncio.wait_for(watch.next(), 10)
        assert message is not None
        assert [(bet["batch"], bet["stage"]) for bet in message["bets"]] == [(2, "final")]
