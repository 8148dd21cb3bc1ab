"""What /readyz says of slips and withdrawals is what happens to them.

Branches: nothing is missing · what blocks slips alone · withdrawals alone · both · cash-outs alone,
where they are offered and where they are not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from backend.services import Services
from protocol.roles import Role
from tests.backend.api.bettors import NOW_S, Bettor, signed
from tests.backend.api.client import until
from tests.backend.api.fake_chain import FakeChain
from tests.backend.api.test_withdrawals import body
from tests.backend.api.world import World

SLIPS, WITHDRAWALS = "blocks_slips", "blocks_withdrawals"
BOTH = {SLIPS, WITHDRAWALS}


def _unreachable(world: World, chain: FakeChain) -> None:
    chain.reachable = False


STATES: dict[str, tuple[Callable[[World, FakeChain], Any], set[str]]] = {
    "placing_paused": (lambda w, c: w.execute("UPDATE mirror.book SET paused = true"), {SLIPS}),
    "no_bankroll": (lambda w, c: w.execute("DELETE FROM mirror.book"), {SLIPS}),
    "no_report": (lambda w, c: w.execute("DELETE FROM backend.house_report"), {SLIPS}),
    "odds_stale": (lambda w, c: w.beat(ago_ms=10_000), {SLIPS}),
    "receipt_key_refused": (lambda w, c: c.set_receipt_key(role=Role.NONE), {SLIPS}),
    "receipt_key_retired": (lambda w, c: c.set_receipt_key(until_s=NOW_S), {SLIPS}),
    "withdrawal_key_refused": (
        lambda w, c: c.set_withdrawal_key(from_s=NOW_S + 1),
        {WITHDRAWALS},
    ),
    "node_away": (_unreachable, BOTH),
    "mirror_empty": (lambda w, c: w.execute("DELETE FROM mirror.deployment"), BOTH),
    "old_tables": (
        lambda w, c: w.execute("UPDATE backend.alembic_version SET version_num = 'old'"),
        BOTH,
    ),
}


@pytest.mark.parametrize("name", STATES)
async def test_what_readiness_says_is_what_happens(
    name: str,
    api: httpx.AsyncClient,
    services: Services,
    world: World,
    bettor: Bettor,
    chain: FakeChain,
) -> None:
    await until(lambda: services.odds_copy.heartbeat_received)
    assert (await api.get("/readyz")).status_code == 200
    before = world.execute("SELECT version_num FROM backend.alembic_version").fetchone()
    change, blocked = STATES[name]
    change(world, chain)
    try:

        async def refused() -> bool:
            # The readings of the node and of the odds are a moment old.
            return (await api.get("/readyz")).status_code == 503

        await until(refused)
        found = (await api.get("/readyz")).json()
        slip = await api.post("/v1/slips", json=signed(bettor))
        withdrawal = await api.post("/v1/withdrawals", json=body(bettor))
    finally:
        world.execute("UPDATE backend.alembic_version SET version_num = %s", before[0])
    assert {kind for kind in BOTH if found[kind]} == blocked
    assert sorted({*found[SLIPS], *found[WITHDRAWALS]}) == sorted(found["missing"])
    assert (slip.status_code != 201) is (SLIPS in blocked), slip.text
    assert (withdrawal.status_code != 201) is (WITHDRAWALS in blocked), withdrawal.text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, None),
        ({"role": Role.NONE}, "has no role on the sportsbook"),
        ({"role": Role.RECEIPTS}, "has the role Receipts"),
        ({"until_s": NOW_S}, "was retired"),
        ({"from_s": NOW_S + 1}, "wait until then"),
    ],
)
async def test_key_of_cash_outs_is_named_and_blocks_nothing_else(
    change: dict[str, Any],
    words: str | None,
    api: httpx.AsyncClient,
    services: Services,
    bettor: Bettor,
    chain: FakeChain,
) -> None:
    services.cash_out_signer = services.receipt_signer
    await until(lambda: services.odds_copy.heartbeat_received)
    chain.set_cash_out_key(**change)
    ready = await api.get("/readyz")
    assert ready.status_code == 200, ready.text
    said = ready.json()["blocks_cash_outs"]
    assert len(said) == (0 if words is None else 1)
    assert words is None or (words in said[0] and "CASH_OUT_SIGNER_KEY" in said[0])
    assert (await api.post("/v1/slips", json=signed(bettor))).status_code == 201
    assert (await api.post("/v1/withdrawals", json=body(bettor))).status_code == 201
    # Beside what blocks others it is named too; without the key nothing is.
    chain.set_withdrawal_key(role=Role.NONE)
    refused = (await api.get("/readyz")).json()
    assert refused["blocks_cash_outs"] == said
    assert len(refused["missing"]) == 1 + len(said)
    services.cash_out_signer = None
    assert (await api.get("/readyz")).json()["blocks_cash_outs"] == []


async def test_what_blocks_everything_blocks_cash_outs(
    api: httpx.AsyncClient, services: Services, world: World, chain: FakeChain
) -> None:
    services.cash_out_signer = services.receipt_signer
    chain.set_cash_out_key()
    await until(lambda: services.odds_copy.heartbeat_received)
    for change in (_unreachable, STATES["no_bankroll"][0]):
        change(world, chain)
        found = (await api.get("/readyz")).json()
        assert found["blocks_cash_outs"], found
        chain.reachable = True
