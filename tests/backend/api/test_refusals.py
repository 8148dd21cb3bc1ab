"""Every bad input gets its problem, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from eth_utils.crypto import keccak

from backend.services import Services
from backend.slips.routes import REFUSALS
from protocol.typed_data import Domain, Leg
from tests.backend.api.conftest import (
    ALPHA,
    GAMMA,
    NOW_S,
    SPORTSBOOK,
    START_S,
    UNIT,
    Bettor,
    Game,
    World,
    body_of,
    client,
    signed,
    slip_of,
)

UNKNOWN = Game("Nobody v Nowhere, 2025-05-25")


def _with(field: str, value: Any) -> Callable[[Bettor], dict[str, Any]]:
    return lambda bettor: {**signed(bettor), field: value}


def _signed(**changes: Any) -> Callable[[Bettor], dict[str, Any]]:
    return lambda bettor: signed(bettor, **changes)


def _signed_for(domain: Domain) -> Callable[[Bettor], dict[str, Any]]:
    def body(bettor: Bettor) -> dict[str, Any]:
        slip = slip_of(bettor)
        return body_of(slip, bettor.sign_slip(slip, domain))

    return body


def _stranger(bettor: Bettor) -> dict[str, Any]:
    slip = slip_of(bettor)
    return body_of(slip, Bettor(bettor.account, keccak(text="stranger")).sign_slip(slip))


def _leg(game: Game, outcome: int = 0) -> tuple[Leg, ...]:
    return (Leg(game.name, game.result, outcome),)


def _legs(count: int) -> tuple[Leg, ...]:
    return tuple(Leg(ALPHA.name, ALPHA.result, 0) for _ in range(count))


BAD: dict[str, tuple[Callable[[Bettor], dict[str, Any]], int, str]] = {
    "signed_by_a_stranger": (_stranger, 403, "signature-invalid"),
    "signature_of_zeros": (_with("signature", "0x" + "00" * 65), 403, "signature-invalid"),
    "values_changed_after_signing": (_with("stake_micro", "6000000"), 403, "signature-invalid"),
    "signature_of_a_wallet": (
        _with("signature", "0x" + "ab" * 130),
        503,
        "contract-signature-unsupported",
    ),
    "signature_no_hex": (_with("signature", "0xzz"), 422, "body-malformed"),
    "another_chain": (_signed_for(Domain(1, SPORTSBOOK)), 403, "wrong-chain"),
    "another_contract": (_signed_for(Domain(1337, "0x" + "12" * 20)), 403, "signature-invalid"),
    "expired": (_signed(deadline_s=NOW_S), 409, "slip-expired"),
    "deadline_too_far": (_signed(deadline_s=NOW_S + 121), 409, "deadline-too-far"),
    "nonce_zero": (_signed(nonce=0), 409, "nonce-too-low"),
    "nonce_too_large": (_with("nonce", 2**24), 422, "body-malformed"),
    "above_balance": (_signed(stake_micro=101 * UNIT), 409, "balance-insufficient"),
    "stake_zero": (_with("stake_micro", "0"), 422, "stake-invalid"),
    "stake_negative": (_with("stake_micro", "-1000000"), 422, "stake-invalid"),
    "stake_fractional": (_with("stake_micro", "1000000.5"), 422, "stake-invalid"),
    "stake_enormous": (_with("stake_micro", "9" * 5_000), 422, "stake-invalid"),
    "stake_above_56_bits": (_with("stake_micro", str(2**56)), 422, "stake-invalid"),
    "stake_a_number": (_with("stake_micro", 5_000_000), 422, "stake-invalid"),
    "stake_a_float": (_with("stake_micro", 0.5), 422, "stake-invalid"),
    "stake_null": (_with("stake_micro", None), 422, "stake-invalid"),
    "stake_other_digits": (_with("stake_micro", "٥٠٠٠٠٠٠"), 422, "stake-invalid"),
    "stake_exponent": (_with("stake_micro", "1e6"), 422, "stake-invalid"),
    "stake_too_small": (_signed(stake_micro=1), 409, "stake-too-small"),
    "stake_too_large": (_signed(stake_micro=501 * UNIT), 409, "stake-too-large"),
    "market_unknown": (_signed(legs=_leg(UNKNOWN)), 404, "market-unknown"),
    "market_no_id": (_with("legs", [{"market": "0x12", "outcome": 0}]), 422, "body-malformed"),
    "outcome_unknown": (
        _with("legs", [{"market": f"0x{ALPHA.total.pack().hex()}", "outcome": 2}]),
        404,
        "market-unknown",
    ),
    "outcome_negative": (
        _with("legs", [{"market": f"0x{ALPHA.total.pack().hex()}", "outcome": -1}]),
        422,
        "body-malformed",
    ),
    "no_legs": (_with("legs", []), 422, "body-malformed"),
    "thirteen_legs": (_signed(legs=_legs(13)), 422, "body-malformed"),
    "more_legs_than_we_take": (_signed(legs=_legs(5)), 422, "legs-invalid"),
    "two_legs_on_a_fixture": (
        _signed(legs=(*_leg(ALPHA), Leg(ALPHA.name, ALPHA.total, 0))),
        409,
        "legs-correlated",
    ),
    "account_unknown": (_with("account", 99), 404, "account-unknown"),
    "account_zero": (_with("account", 0), 422, "body-malformed"),
    "account_a_string": (_with("account", "7"), 422, "body-malformed"),
    "account_true": (_with("account", True), 422, "body-malformed"),
    "odds_above_what_is_offered": (_signed(min_odds_e4=20_001), 409, "odds-moved"),
    "a_field_too_many": (_with("odds", 2), 422, "body-malformed"),
}


@pytest.mark.parametrize("name", BAD)
async def test_bad_slip_is_refused(
    name: str, api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    make, status, code = BAD[name]
    before = world.contents()
    answer = await api.post("/v1/slips", json=make(bettor))
    _is_problem(answer, status, code)
    assert world.contents() == before


def _is_problem(answer: httpx.Response, status: int, code: str) -> None:
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["status"] == status
    assert body["type"] == f"urn:fairline:problem:{code}"
    assert body["title"]
    assert body["detail"]


def _close_market(world: World) -> None:
    world.execute("UPDATE backend.market SET status = 'suspended'")


def _close_fixture(world: World) -> None:
    world.execute("UPDATE backend.fixture SET status = 'postponed'")


def _pause(world: World) -> None:
    world.execute("UPDATE mirror.book SET paused = true")


def _empty_house(world: World) -> None:
    world.execute("UPDATE mirror.book SET pool_micro = locked_micro + 4999999")


def _announce_exit(world: World) -> None:
    world.insert(
        "mirror.exit_request", deployment=1, account=7, amount_micro=96 * UNIT, unlocks_at_s=0
    )


def _exclude(until_s: int) -> Callable[[World], None]:
    def exclude(world: World) -> None:
        world.insert(
            "mirror.exclusion",
            **{"deployment": 1, "block": 9, "log_index": 0, "account": 7},
            **{"from_s": NOW_S - 5, "until_s": until_s},
        )

    return exclude


def _cap(market_micro: int, fixture_micro: int, block: int = 9) -> Callable[[World], None]:
    def cap(world: World) -> None:
        world.insert(
            "mirror.caps",
            **{"deployment": 1, "block": block, "log_index": 0},
            **{"market_micro": market_micro, "fixture_micro": fixture_micro},
        )

    return cap


STATES: dict[str, tuple[Callable[[World], Any], int, str]] = {
    "market_suspended": (_close_market, 409, "market-closed"),
    "fixture_postponed": (_close_fixture, 409, "market-closed"),
    "placing_paused": (_pause, 409, "market-closed"),
    "odds_withdrawn": (lambda w: w.offer(ALPHA.result), 409, "market-closed"),
    "odds_moved": (lambda w: w.offer(ALPHA.result, 19_400, 33_000, 42_000), 409, "odds-moved"),
    "odds_stale": (lambda w: w.beat(ago_ms=6_000), 503, "odds-stale"),
    "odds_never_heard": (lambda w: w.redis.delete("odds:heartbeat"), 503, "odds-stale"),
    "house_too_poor": (_empty_house, 409, "exposure-exceeded"),
    "exit_announced": (_announce_exit, 409, "balance-insufficient"),
    "account_excluded": (_exclude(NOW_S + 1), 403, "account-excluded"),
    "market_capped": (_cap(5 * UNIT - 1, 2**64 - 1), 409, "cap-exceeded"),
    "fixture_capped": (_cap(2**64 - 1, 5 * UNIT - 1), 409, "cap-exceeded"),
    "mirror_empty": (lambda w: w.execute("DELETE FROM mirror.deployment"), 503, "not-ready"),
    "book_empty": (lambda w: w.execute("DELETE FROM mirror.book"), 503, "not-ready"),
}


@pytest.mark.parametrize("name", STATES)
async def test_slip_is_refused_in_this_state(
    name: str, api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    change, status, code = STATES[name]
    change(world)
    before = world.contents()
    answer = await api.post("/v1/slips", json=signed(bettor))
    _is_problem(answer, status, code)
    assert world.contents() == before


async def test_exclusion_that_is_over_shuts_nothing(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    _exclude(NOW_S)(world)
    assert (await api.post("/v1/slips", json=signed(bettor))).status_code == 201


async def test_cap_counts_what_is_placed_and_what_waits(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    async def code(**changes: Any) -> str:
        answer = await api.post("/v1/slips", json=signed(bettor, **changes))
        return str(answer.json().get("code", answer.status_code))

    world.offer(ALPHA.total, 20_000, 20_000)
    _cap(5 * UNIT, 9 * UNIT)(world)
    assert await code() == "201"
    assert await code(nonce=2, stake_micro=UNIT) == "cap-exceeded"
    other = (Leg(ALPHA.name, ALPHA.total, 0),)
    assert await code(nonce=2, legs=other, stake_micro=5 * UNIT) == "cap-exceeded"
    assert await code(nonce=2, legs=other, stake_micro=4 * UNIT) == "201"
    # An accumulator counts by itself, against the cap of a market.
    both = (*_leg(ALPHA), *_leg(GAMMA))
    assert await code(nonce=3, legs=both, stake_micro=2 * UNIT) == "cap-exceeded"
    assert await code(nonce=3, legs=both, stake_micro=UNIT) == "201"
    # On the chain, bets on other outcomes net: nothing is locked any more.
    world.execute("DELETE FROM backend.slip_leg")
    world.execute("DELETE FROM backend.slip")
    world.insert(
        "mirror.exposure",
        **{"deployment": 1, "market": ALPHA.result.pack(), "block": 9},
        **{"payout_0_micro": 6 * UNIT, "payout_1_micro": 0, "payout_2_micro": 6 * UNIT},
        stakes_micro=6 * UNIT,
    )
    assert await code(nonce=4) == "201"
    # The newest caps count.
    _cap(2**64 - 1, 2**64 - 1, block=10)(world)
    assert await code(nonce=5) == "201"


async def test_started_market_is_refused_at_its_start(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    world.clock(START_S)
    late = await api.post("/v1/slips", json=signed(bettor, deadline_s=START_S + 60))
    _is_problem(late, 409, "market-started")
    world.clock(START_S - 1)
    last = await api.post("/v1/slips", json=signed(bettor, deadline_s=START_S + 60))
    assert last.status_code == 201


async def test_odds_that_moved_are_shown(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    world.offer(ALPHA.result, 19_400, 33_000, 42_000)
    answer = (await api.post("/v1/slips", json=signed(bettor))).json()
    assert (answer["odds_e4"], answer["product_odds_e4"]) == ([19_400], 19_400)


async def test_product_of_odds_is_compared_exactly(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    legs = (*_leg(ALPHA), *_leg(GAMMA))
    world.offer(ALPHA.result, 15_001, 33_000, 42_000)
    world.offer(GAMMA.result, 15_001, 33_000, 42_000)
    # 1.5001 x 1.5001 = 2.25030001
    above = signed(bettor, legs=legs, min_odds_e4=22_504)
    _is_problem(await api.post("/v1/slips", json=above), 409, "odds-moved")
    exact = signed(bettor, legs=legs, min_odds_e4=22_503)
    assert (await api.post("/v1/slips", json=exact)).status_code == 201


async def test_payout_above_the_most_is_refused(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    world.offer(ALPHA.result, 4_000_000, 33_000, 42_000)
    at_most = signed(bettor, stake_micro=50 * UNIT)
    above = signed(bettor, stake_micro=50 * UNIT + 1)
    _is_problem(await api.post("/v1/slips", json=above), 409, "payout-too-large")
    assert (await api.post("/v1/slips", json=at_most)).status_code == 201


async def test_nonces(api: httpx.AsyncClient, world: World, bettor: Bettor) -> None:
    async def post(nonce: int) -> tuple[int, str | None]:
        answer = await api.post("/v1/slips", json=signed(bettor, nonce=nonce, stake_micro=UNIT))
        return answer.status_code, answer.json().get("code")

    world.place(slip_of(bettor, nonce=20), batch=1)
    assert await post(20) == (409, "nonce-used")
    assert await post(11) == (409, "nonce-too-low")
    assert await post(12) == (201, None)
    assert await post(21) == (409, "nonce-too-high")
    assert await post(20 - 1) == (201, None)
    used = await api.post("/v1/slips", json=signed(bettor, nonce=12, stake_micro=2 * UNIT))
    _is_problem(used, 409, "nonce-used")
    assert used.json()["next_nonce"] == 21


async def test_ninth_pending_slip_is_refused(api: httpx.AsyncClient, bettor: Bettor) -> None:
    for nonce in range(1, 9):
        answer = await api.post("/v1/slips", json=signed(bettor, nonce=nonce, stake_micro=UNIT))
        assert answer.status_code == 201
    ninth = await api.post("/v1/slips", json=signed(bettor, nonce=9, stake_micro=UNIT))
    _is_problem(ninth, 409, "too-many-pending")


async def test_balance_refusal_names_the_amounts(api: httpx.AsyncClient, bettor: Bettor) -> None:
    await api.post("/v1/slips", json=signed(bettor, stake_micro=60 * UNIT))
    body = (await api.post("/v1/slips", json=signed(bettor, nonce=2, stake_micro=60 * UNIT))).json()
    assert body["code"] == "balance-insufficient"
    assert body["account"] == 7
    assert (body["available_micro"], body["needed_micro"]) == ("40000000", "60000000")
    assert (body["balance_micro"], body["reserved_micro"]) == ("100000000", "60000000")


BODIES = {
    "not_json": b"stake=5",
    "cut_short": b'{"account": 7',
    "empty": b"",
    "a_list": b"[]",
    "a_number": b"7",
    "null": b"null",
    "not_utf8": b'{"account": "\xff\xfe"}',
    "very_deep": b"[" * 10_000,
    "not_a_number": b'{"account": NaN}',
    "enormous_number": b'{"account": ' + b"9" * 6_000 + b"}",
}


@pytest.mark.parametrize("name", BODIES)
async def test_body_that_is_no_slip_is_refused(
    name: str, api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    before = world.contents()
    headers = {"Content-Type": "application/json"}
    answer = await api.post("/v1/slips", content=BODIES[name], headers=headers)
    _is_problem(answer, 422, "body-malformed")
    assert world.contents() == before


async def test_huge_body_is_refused_announced_or_not(api: httpx.AsyncClient) -> None:
    announced = await api.post("/v1/slips", content=b" " * 16_385)
    _is_problem(announced, 413, "body-too-large")

    async def endless() -> Any:
        for _ in range(10_000):
            yield b" " * 1_000

    _is_problem(await api.post("/v1/slips", content=endless()), 413, "body-too-large")


async def test_requests_above_the_rate_are_refused(world: World, bettor: Bettor) -> None:
    parts = Services.make(world.settings(rate_limit_per_minute=3))
    async with parts.running(), client(parts) as api:
        answers = [await api.get("/v1/fixtures") for _ in range(4)]
        assert [a.status_code for a in answers] == [200, 200, 200, 429]
        _is_problem(answers[-1], 429, "rate-limited")
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60


async def test_account_is_limited_whatever_its_address(world: World, bettor: Bettor) -> None:
    parts = Services.make(world.settings(rate_limit_per_minute=3))
    async with parts.running(), client(parts) as api:
        for number in range(4):
            world.redis.delete("rate:address:127.0.0.1")
            answer = await api.post("/v1/slips", json=signed(bettor, nonce=1 + number))
            assert answer.status_code == (429 if number == 3 else 201)
        forged = _stranger(world.open_account(8))
        for _ in range(4):
            world.redis.delete("rate:address:127.0.0.1")
            assert (await api.post("/v1/slips", json=forged)).status_code == 403
        assert world.redis.get("rate:account:8") is None


async def test_paths_that_are_not_there(api: httpx.AsyncClient) -> None:
    _is_problem(await api.get("/v1/nothing"), 404, "not-found")
    _is_problem(await api.delete("/v1/slips"), 405, "method-not-allowed")
    _is_problem(await api.get("/v1/slips/12"), 422, "body-malformed")
    _is_problem(await api.get("/v1/accounts/7/bets?cursor=nonsense"), 422, "body-malformed")
    _is_problem(await api.get(f"/v1/fixtures/0x{'00' * 16}"), 404, "not-found")


def test_every_refusal_of_a_slip_is_declared() -> None:
    codes = {kind.code for kind in REFUSALS}
    assert {code for _, _, code in (*BAD.values(), *STATES.values())} - {
        "body-malformed",
        "not-ready",
    } <= codes
    assert len(codes) == len(REFUSALS) > 20
