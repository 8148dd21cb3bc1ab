"""Tests countersigned withdrawals; the contract's count of them is set by the test."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest

from backend.services import Services
from protocol.roles import Role
from protocol.signatures import pair, recover
from protocol.typed_data import Withdrawal
from tests.backend.api.bettors import CASHIER, DOMAIN, NOW_S, UNIT, Bettor, signed
from tests.backend.api.client import is_problem
from tests.backend.api.fake_chain import FakeChain
from tests.backend.api.world import World


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
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    answer = await api.post("/v1/withdrawals", json=body(bettor))
    assert answer.status_code == 201, answer.text
    withdrawal = Withdrawal(7, 40 * UNIT, NOW_S + 300, 0)
    digest = DOMAIN.digest(withdrawal.struct_hash())
    assert recover(digest, bytes.fromhex(answer.json()["signature"][2:])) == CASHIER
    assert int(answer.json()["word"], 16) == withdrawal.word()
    again = await api.post("/v1/withdrawals", json=body(bettor))
    assert (again.status_code, again.json()) == (200, answer.json())
    shown = (await api.get("/v1/accounts/7")).json()
    assert (shown["available_micro"], shown["withdrawal_sequence"]) == (str(60 * UNIT), 0)
    late = await api.post("/v1/slips", json=signed(bettor, stake_micro=61 * UNIT))
    assert late.json()["code"] == "balance-insufficient"


async def test_reserve_ends_with_the_withdrawal_or_its_deadline(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    async def reserved() -> str:
        shown: str = (await api.get("/v1/accounts/7")).json()["reserved_micro"]
        return shown

    await api.post("/v1/withdrawals", json=body(bettor))
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
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    slips = [signed(bettor, nonce=n, stake_micro=30 * UNIT) for n in range(1, 5)]
    posts = [api.post("/v1/slips", json=slip) for slip in slips]
    posts += [
        api.post("/v1/withdrawals", json=body(bettor, amount_micro=(40 + n) * UNIT))
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
    name: str, api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    changes, status, code = BAD[name]
    await _refused(api, world, body(bettor, **changes), status, code)


async def _refused(
    api: httpx.AsyncClient, world: World, request: dict[str, Any], status: int, code: str
) -> None:
    before = world.contents()
    answer = await api.post("/v1/withdrawals", json=request)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert world.contents() == before


@pytest.mark.parametrize("amount", ["0", "-1", "1.5", 40, None])
async def test_invalid_amount_is_refused(
    amount: object, api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    await _refused(api, world, {**body(bettor), "amount_micro": amount}, 422, "amount-invalid")


async def test_withdrawal_of_a_stranger_is_refused(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    stranger = Bettor(7, b"\x07" * 32)
    await _refused(api, world, body(stranger), 403, "signature-invalid")


async def test_second_withdrawal_waits_for_the_first(
    api: httpx.AsyncClient, world: World, bettor: Bettor, chain: FakeChain
) -> None:
    await api.post("/v1/withdrawals", json=body(bettor))
    other = body(bettor, amount_micro=UNIT)
    await _refused(api, world, other, 409, "withdrawal-pending")
    # The chain has used it, and the mirror does not show it yet.
    chain.used = 1
    await _refused(api, world, body(bettor, sequence=1), 409, "withdrawal-pending")


async def test_lost_answer_is_given_again(
    api: httpx.AsyncClient, world: World, bettor: Bettor, chain: FakeChain
) -> None:
    """A client that lost the answer signs again, with a later deadline."""
    first = (await api.post("/v1/withdrawals", json=body(bettor))).json()
    for deadline_s in (NOW_S + 301, NOW_S + 600, NOW_S + 299, NOW_S + 300):
        again = await api.post("/v1/withdrawals", json=body(bettor, deadline_s=deadline_s))
        assert (again.status_code, again.json()) == (200, first)
    [listed] = (await api.get("/v1/accounts/7/withdrawals")).json()["withdrawals"]
    assert listed == {**first, "status": "usable", "block": None}
    assert len(world.all("backend.withdrawal")) == 1
    # When it has expired, it was another one.
    world.clock(NOW_S + 301)
    other = await api.post("/v1/withdrawals", json=body(bettor, deadline_s=NOW_S + 600))
    assert (other.status_code, other.json()["deadline_s"]) == (201, NOW_S + 600)


async def test_answer_is_what_the_contract_takes(api: httpx.AsyncClient, bettor: Bettor) -> None:
    answer = (await api.post("/v1/withdrawals", json=body(bettor))).json()
    signature = bytes.fromhex(answer["signature"][2:])
    assert (answer["r"], answer["vs"]) == tuple(f"0x{half.hex()}" for half in pair(signature))
    withdrawal = Withdrawal(7, 40 * UNIT, NOW_S + 300, 0)
    assert answer["withdrawal_hash"] == f"0x{withdrawal.struct_hash().hex()}"
    assert (answer["signer"], answer["granted_at_s"]) == (CASHIER, NOW_S)


async def test_other_withdrawal_says_which_one_is_pending(
    api: httpx.AsyncClient, bettor: Bettor
) -> None:
    await api.post("/v1/withdrawals", json=body(bettor))
    refused = await api.post("/v1/withdrawals", json=body(bettor, amount_micro=UNIT))
    is_problem(refused, 409, "withdrawal-pending")
    shown = refused.json()
    assert (shown["amount_micro"], shown["deadline_s"], shown["sequence"]) == (
        str(40 * UNIT),
        NOW_S + 300,
        0,
    )


async def test_withdrawals_are_listed_with_what_became_of_them(
    api: httpx.AsyncClient, world: World, bettor: Bettor, chain: FakeChain
) -> None:
    async def grant(**changes: Any) -> None:
        answer = await api.post("/v1/withdrawals", json=body(bettor, **changes))
        assert answer.status_code == 201, answer.text

    # One expires, the next of the same amount is paid in its place, the third is usable.
    await grant(deadline_s=NOW_S + 10)
    world.clock(NOW_S + 11)
    await grant(deadline_s=NOW_S + 300)
    chain.used = 1
    # Block 22 is 24 seconds after the head.
    world.insert(
        "mirror.movement",
        **{"deployment": 1, "block": 22, "log_index": 0, "seq": 0, "account": 7},
        **{"kind": "withdrawal", "delta_micro": -40 * UNIT, "by_exit": False},
    )
    world.clock(NOW_S + 24)
    await grant(sequence=1, amount_micro=UNIT, deadline_s=NOW_S + 300)
    found: list[Any] = []
    cursor = ""
    while True:
        page = (await api.get(f"/v1/accounts/7/withdrawals?limit=2{cursor}")).json()
        found += page["withdrawals"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert [(w["amount_micro"], w["status"], w["block"]) for w in found] == [
        (str(UNIT), "usable", None),
        (str(40 * UNIT), "paid", 22),
        (str(40 * UNIT), "expired", None),
    ]
    assert (await api.get("/v1/accounts/8/withdrawals")).json()["withdrawals"] == []
    for one in found:
        assert (await api.get(f"/v1/withdrawals/{one['withdrawal_hash']}")).json() == one
    is_problem(await api.get(f"/v1/withdrawals/0x{'00' * 32}"), 404, "not-found")


async def test_sequence_cannot_come_round_while_a_signature_of_it_lives(
    api: httpx.AsyncClient, world: World, bettor: Bettor, chain: FakeChain
) -> None:
    """The contract counts 128 withdrawals and starts again."""
    for sequence in range(100):
        chain.used = sequence
        answer = await api.post(
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
    await _refused(api, world, more, 429, "too-many-withdrawals")
    world.clock(NOW_S + 301)
    later = body(bettor, sequence=100, amount_micro=UNIT, deadline_s=NOW_S + 400)
    assert (await api.post("/v1/withdrawals", json=later)).status_code == 201


async def test_withdrawal_beside_an_exit_is_refused(
    api: httpx.AsyncClient, world: World, bettor: Bettor
) -> None:
    world.insert(
        "mirror.exit_request", deployment=1, account=7, amount_micro=UNIT, unlocks_at_s=NOW_S + 9
    )
    await _refused(api, world, body(bettor), 409, "exit-announced")
    detail = (await api.post("/v1/withdrawals", json=body(bettor))).json()["detail"]
    assert "`exit` once the exit delay has passed" in detail
    assert "`requestExit(0)`" in detail
    account = (await api.get("/v1/accounts/7")).json()
    assert (account["exit_micro"], account["exit_unlocks_at_s"]) == (str(UNIT), NOW_S + 9)
    world.execute("DELETE FROM mirror.exit_request")
    account = (await api.get("/v1/accounts/7")).json()
    assert (account["exit_micro"], account["exit_unlocks_at_s"]) == ("0", None)


async def test_withdrawal_needs_a_chain_node(
    api: httpx.AsyncClient, world: World, bettor: Bettor, chain: FakeChain
) -> None:
    chain.reachable = False
    await _refused(api, world, body(bettor), 503, "chain-unreachable")


async def test_withdrawal_needs_a_key_with_its_role(
    api: httpx.AsyncClient, world: World, bettor: Bettor, chain: FakeChain
) -> None:
    chain.set_withdrawal_key(role=Role.RECEIPTS)
    await _refused(api, world, body(bettor), 503, "not-ready")
    detail = (await api.post("/v1/withdrawals", json=body(bettor))).json()["detail"]
    for word in ("WITHDRAWAL_SIGNER_KEY", CASHIER, "role Withdrawals", "grantKey"):
        assert word in detail
    # Slips need the other key only.
    assert (await api.post("/v1/slips", json=signed(bettor))).status_code == 201


async def test_withdrawal_that_the_token_cannot_pay_is_refused(
    services: Services, api: httpx.AsyncClient, bettor: Bettor
) -> None:
    services.deployment = replace(services.deployment, token_decimals=2)
    uneven = await api.post("/v1/withdrawals", json=body(bettor, amount_micro=40 * UNIT + 1))
    assert (uneven.status_code, uneven.json()["code"]) == (409, "amount-uneven")
    assert uneven.json()["unit_micro"] == "10000"
    whole = await api.post("/v1/withdrawals", json=body(bettor, amount_micro=40 * UNIT + 10_000))
    assert whole.status_code == 201, whole.text
