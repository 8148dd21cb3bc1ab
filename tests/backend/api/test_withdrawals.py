"""Tests countersigned withdrawals; the contract's count of them is set by the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from backend.services import Services
from protocol.signatures import recover
from protocol.typed_data import Withdrawal
from tests.backend.api.bettors import DOMAIN, HOUSE, NOW_S, UNIT, Bettor, signed
from tests.backend.api.client import client
from tests.backend.api.world import World


class FakeChain:
    """A chain that reports `used` countersigned withdrawals of every account."""

    used = 0

    async def withdrawals_used(self, account: int) -> int:
        return self.used

    async def signature_valid(self, wallet: str, digest: bytes, signature: bytes) -> bool:
        return False

    async def close(self) -> None:
        pass


@pytest.fixture
def chain() -> FakeChain:
    return FakeChain()


@pytest.fixture
async def bank(world: World, chain: FakeChain) -> AsyncIterator[httpx.AsyncClient]:
    services = Services.from_settings(world.settings())
    services.chain = chain  # type: ignore[assignment]
    async with services.running(), client(services) as made:
        yield made


def body(bettor: Bettor, **changes: Any) -> dict[str, Any]:
    withdrawal = replace(Withdrawal(bettor.account, 40 * UNIT, NOW_S + 300, 0), **changes)
    return {
        "account": withdrawal.account,
        "amount_micro": str(withdrawal.amount_micro),
        "deadline_s": withdrawal.deadline_s,
        "sequence": withdrawal.sequence,
        "signature": bettor.sign_withdrawal(withdrawal),
    }


async def test_withdrawal_is_countersigned_and_reserved(
    bank: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    answer = await bank.post("/v1/withdrawals", json=body(bettor))
    assert answer.status_code == 201, answer.text
    withdrawal = Withdrawal(7, 40 * UNIT, NOW_S + 300, 0)
    digest = DOMAIN.digest(withdrawal.struct_hash())
    assert recover(digest, bytes.fromhex(answer.json()["signature"][2:])) == HOUSE
    assert int(answer.json()["word"], 16) == withdrawal.word()
    again = await bank.post("/v1/withdrawals", json=body(bettor))
    assert (again.status_code, again.json()) == (200, answer.json())
    shown = (await bank.get("/v1/accounts/7")).json()
    assert (shown["available_micro"], shown["withdrawal_sequence"]) == (str(60 * UNIT), 0)
    late = await bank.post("/v1/slips", json=signed(bettor, stake_micro=61 * UNIT))
    assert late.json()["code"] == "balance-insufficient"


async def test_reserve_ends_with_the_withdrawal_or_its_deadline(
    bank: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    async def reserved() -> str:
        shown: str = (await bank.get("/v1/accounts/7")).json()["reserved_micro"]
        return shown

    await bank.post("/v1/withdrawals", json=body(bettor))
    world.clock(NOW_S + 300)
    assert await reserved() == str(40 * UNIT)
    world.insert(
        "mirror.movement",
        deployment=1,
        block=9,
        log_index=0,
        seq=0,
        account=7,
        kind="withdrawal",
        delta_micro=-40 * UNIT,
    )
    assert await reserved() == "0"
    world.execute("DELETE FROM mirror.movement WHERE kind = 'withdrawal'")
    assert await reserved() == str(40 * UNIT)
    world.clock(NOW_S + 301)
    assert await reserved() == "0"


async def test_concurrent_withdrawals_and_slips_never_exceed_the_balance(
    bank: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    slips = [signed(bettor, nonce=n, stake_micro=30 * UNIT) for n in range(1, 5)]
    posts = [bank.post("/v1/slips", json=slip) for slip in slips]
    posts += [
        bank.post("/v1/withdrawals", json=body(bettor, amount_micro=(40 + n) * UNIT))
        for n in range(5)
    ]
    await asyncio.gather(*posts)
    committed = world.execute(
        "SELECT (SELECT coalesce(sum(stake_micro), 0) FROM backend.slip)"
        " + (SELECT coalesce(sum(amount_micro), 0) FROM backend.withdrawal)"
    ).fetchone()[0]
    assert 0 < committed <= 100 * UNIT
    assert world.execute("SELECT count(*) FROM backend.withdrawal").fetchone()[0] <= 1


BAD: dict[str, tuple[dict[str, Any], int, str]] = {
    "more_than_is_free": ({"amount_micro": 101 * UNIT}, 409, "balance-insufficient"),
    "expired": ({"deadline_s": NOW_S}, 409, "withdrawal-expired"),
    "deadline_too_far": ({"deadline_s": NOW_S + 601}, 409, "deadline-too-far"),
    "sequence_ahead": ({"sequence": 1}, 409, "sequence-wrong"),
}


@pytest.mark.parametrize("name", BAD)
async def test_bad_withdrawal_is_refused(
    name: str, bank: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    changes, status, code = BAD[name]
    await _refused(bank, world, body(bettor, **changes), status, code)


async def _refused(
    bank: httpx.AsyncClient, world: World, request: dict[str, Any], status: int, code: str
) -> None:
    before = world.contents()
    answer = await bank.post("/v1/withdrawals", json=request)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert world.contents() == before


@pytest.mark.parametrize("amount", ["0", "-1", "1.5", 40, None])
async def test_invalid_amount_is_refused(
    amount: object, bank: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    await _refused(bank, world, {**body(bettor), "amount_micro": amount}, 422, "amount-invalid")


async def test_withdrawal_of_a_stranger_is_refused(
    bank: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    stranger = Bettor(7, b"\x07" * 32)
    await _refused(bank, world, body(stranger), 403, "signature-invalid")


async def test_second_withdrawal_waits_for_the_first(
    bank: httpx.AsyncClient, world: World, bettor: Bettor, chain: FakeChain
) -> None:
    await bank.post("/v1/withdrawals", json=body(bettor))
    other = body(bettor, amount_micro=UNIT)
    await _refused(bank, world, other, 409, "withdrawal-pending")
    # The chain has used it, and the mirror does not show it yet.
    chain.used = 1
    await _refused(bank, world, body(bettor, sequence=1), 409, "withdrawal-pending")


async def test_sequence_cannot_come_round_while_a_signature_of_it_lives(
    bank: httpx.AsyncClient, world: World, bettor: Bettor, chain: FakeChain
) -> None:
    """The contract counts 128 withdrawals and starts again."""
    for sequence in range(100):
        chain.used = sequence
        answer = await bank.post(
            "/v1/withdrawals", json=body(bettor, sequence=sequence, amount_micro=UNIT // 10)
        )
        assert answer.status_code == 201, answer.text
        world.insert(
            "mirror.movement",
            **{"deployment": 1, "block": 100 + sequence, "log_index": 0, "seq": 0, "account": 7},
            **{"kind": "withdrawal", "delta_micro": -UNIT // 10, "by_exit": False},
        )
    chain.used = 100
    more = body(bettor, sequence=100, amount_micro=UNIT)
    await _refused(bank, world, more, 429, "rate-limited")
    world.clock(NOW_S + 301)
    later = body(bettor, sequence=100, amount_micro=UNIT, deadline_s=NOW_S + 400)
    assert (await bank.post("/v1/withdrawals", json=later)).status_code == 201


async def test_withdrawal_beside_an_exit_is_refused(
    bank: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    world.insert(
        "mirror.exit_request", deployment=1, account=7, amount_micro=UNIT, unlocks_at_s=NOW_S + 9
    )
    await _refused(bank, world, body(bettor), 409, "exit-announced")


async def test_withdrawal_needs_a_chain_node(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    await _refused(api, world, body(bettor), 503, "chain-unreachable")
