"""Tests that every malformed or invalid slip gets its problem and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.exceptions import HTTPException

from backend import problems
from protocol.typed_data import Domain, Leg
from tests.backend.api.bettors import (
    ALPHA,
    NOW_S,
    SPORTSBOOK,
    UNIT,
    Bettor,
    Game,
    body_of,
    leg,
    signed,
    signed_by_stranger,
    slip_of,
)
from tests.backend.api.client import is_problem
from tests.backend.api.world import World

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


def _legs(count: int) -> tuple[Leg, ...]:
    return tuple(Leg(ALPHA.name, ALPHA.result, 0) for _ in range(count))


BAD: dict[str, tuple[Callable[[Bettor], dict[str, Any]], int, str]] = {
    "signed_by_a_stranger": (signed_by_stranger, 403, "signature-invalid"),
    "signature_of_zeros": (_with("signature", "0x" + "00" * 65), 403, "signature-invalid"),
    "values_changed_after_signing": (_with("stake_micro", "6000000"), 403, "signature-invalid"),
    "signature_of_a_wallet": (
        _with("signature", "0x" + "ab" * 130),
        403,
        "contract-signature-unsupported",
    ),
    "signature_no_hex": (_with("signature", "0xzz"), 422, "body-malformed"),
    "another_chain": (_signed_for(Domain(1, SPORTSBOOK)), 403, "wrong-chain"),
    "another_contract": (_signed_for(Domain(1337, "0x" + "12" * 20)), 403, "signature-invalid"),
    "expired": (_signed(deadline_s=NOW_S), 409, "slip-expired"),
    "deadline_too_far": (_signed(deadline_s=NOW_S + 121), 409, "deadline-too-far"),
    "nonce_zero": (_signed(nonce=0), 409, "nonce-used"),
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
    "market_unknown": (_signed(legs=leg(UNKNOWN)), 404, "market-unknown"),
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
    "more_legs_than_we_take": (_signed(legs=_legs(5)), 422, "too-many-legs"),
    "two_legs_on_a_fixture": (
        _signed(legs=(*leg(ALPHA), Leg(ALPHA.name, ALPHA.total, 0))),
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
    is_problem(answer, status, code)
    assert world.contents() == before


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
async def test_malformed_body_is_refused(
    name: str, api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    before = world.contents()
    headers = {"Content-Type": "application/json"}
    answer = await api.post("/v1/slips", content=BODIES[name], headers=headers)
    is_problem(answer, 422, "body-malformed")
    assert world.contents() == before


async def test_large_body_is_refused_with_or_without_its_length(
    api: httpx.AsyncClient,
) -> None:
    announced = await api.post("/v1/slips", content=b" " * 16_385)
    is_problem(announced, 413, "body-too-large")

    async def endless() -> Any:
        for _ in range(10_000):
            yield b" " * 1_000

    is_problem(await api.post("/v1/slips", content=endless()), 413, "body-too-large")


async def test_unknown_paths_are_problems(api: httpx.AsyncClient) -> None:
    is_problem(await api.get("/v1/nothing"), 404, "not-found")
    is_problem(await api.delete("/v1/slips"), 405, "method-not-allowed")
    is_problem(await api.get("/v1/slips/12"), 422, "body-malformed")
    is_problem(await api.get("/v1/accounts/7/bets?cursor=nonsense"), 422, "body-malformed")
    is_problem(await api.get(f"/v1/fixtures/0x{'00' * 16}"), 404, "not-found")


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "body-malformed"), (401, "request-refused"), (418, "request-refused")],
)
async def test_only_an_unreadable_body_is_called_one(status: int, code: str) -> None:
    """FastAPI answers 400 when it cannot read a body; libraries raise others."""
    app = FastAPI()
    problems.install(app)

    @app.get("/refused")
    async def refused() -> None:
        raise HTTPException(status, "Not here")

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        answer = await client.get("/refused")
    assert answer.json()["code"] == code
    assert ("JSON" in answer.json()["detail"]) is (status == 400)
