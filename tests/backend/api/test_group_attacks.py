"""Slips that are made to take others of their group along: each must get its own answer.

Branches: a slip whose check fails unexpectedly · odds in Redis that cannot be read · an idempotency
key that PostgreSQL does not store · random signatures.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from backend.accounts.check_signature import check_signature
from backend.services import Services
from backend.slips import submissions
from backend.slips.acceptance import Acceptances
from backend.slips.models import SlipCreate
from tests.backend.api.bettors import ALPHA, GAMMA, UNIT, Bettor, leg, signed
from tests.backend.api.world import World


async def together(services: Services, bodies: Sequence[dict[str, Any]]) -> list[str]:
    """What happens to slips of one group: the names of the answers' classes."""
    acceptances = Acceptances(services)
    results = await asyncio.gather(
        *(acceptances.accept(SlipCreate(**body), None) for body in bodies), return_exceptions=True
    )
    return [type(result).__name__ for result in results]


async def test_slip_whose_check_breaks_leaves_the_others(
    services: Services, bettor: Bettor, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = check_signature

    async def breaking(domain: Any, slip: Any, *arguments: Any, **more: Any) -> bytes:
        if slip.nonce == 2:
            raise ValueError("unexpected")
        return await check(domain, slip, *arguments, **more)

    monkeypatch.setattr(submissions, "check_signature", breaking)
    bodies = [signed(bettor, nonce=nonce, stake_micro=UNIT) for nonce in (1, 2, 3)]
    assert await together(services, bodies) == ["Acceptance", "ValueError", "Acceptance"]


@pytest.mark.parametrize("value", ["", "[]", "{}", '{"odds_e4": 3, "version": 1, "at_ms": 1}'])
async def test_odds_that_cannot_be_read_close_their_market_alone(
    value: str, services: Services, world: World, bettor: Bettor
) -> None:
    fixture, market = ALPHA.result.fixture.hex(), ALPHA.result.pack().hex()
    world.redis.hset(f"odds:0x{fixture}", f"0x{market}", value)
    bodies = [
        signed(bettor, nonce=nonce, stake_micro=UNIT, legs=leg(game))
        for nonce, game in ((1, GAMMA), (2, ALPHA), (3, GAMMA))
    ]
    assert await together(services, bodies) == ["Acceptance", "MarketClosed", "Acceptance"]


@pytest.mark.parametrize(
    ("key", "status"), [(b"\x00", 422), (b"a\x00b", 422), (b"\xff\xfe", 201), (b"\x7f", 201)]
)
async def test_key_that_is_no_text_is_refused_or_stored_and_leaves_the_others(
    key: bytes, status: int, api: httpx.AsyncClient, bettor: Bettor
) -> None:
    others = [api.post("/v1/slips", json=signed(bettor, nonce=n, stake_micro=UNIT)) for n in (1, 3)]
    odd = api.post(
        "/v1/slips",
        json=signed(bettor, nonce=2, stake_micro=UNIT),
        headers=[(b"Idempotency-Key", key)],
    )
    first, answer, last = await asyncio.gather(others[0], odd, others[1])
    assert (first.status_code, last.status_code) == (201, 201), first.text + last.text
    assert answer.status_code == status, answer.text


async def test_random_signatures_are_refused_one_by_one(services: Services, bettor: Bettor) -> None:
    rng = random.Random(11)
    good = signed(bettor, nonce=1, stake_micro=UNIT)
    lengths = [rng.randint(1, 140) for _ in range(40)] + [64, 65] * 20
    bad = [{**good, "nonce": 2, "signature": f"0x{rng.randbytes(n).hex()}"} for n in lengths]
    # Values of r and s that no curve has.
    for word in (0, 1, 2**256 - 1):
        part = word.to_bytes(32, "big").hex()
        bad += [{**good, "nonce": 2, "signature": f"0x{part}{part}{v}"} for v in ("", "1b", "ff")]
    names = await together(services, [*bad[:30], good, *bad[30:]])
    assert names[30] == "Acceptance"
    assert set(names[:30] + names[31:]) <= {
        "SignatureInvalid",
        "ContractSignatureUnsupported",
        "TransactionSignature",
        "SignatureInDer",
        "WrongChain",
    }
