"""Bets several singles at once, enforces a receipt, and uses a contract wallet, in a real browser
against a whole house. What the app says is compared with what the wallet signed and sent, and with
what the house has.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
from sqlalchemy import create_engine

from backend.transactions.locks import held
from scripts.devnet.paths import ROOT, free_port
from tests.support.compiled import compiled
from tests.web.conftest import START_S, House
from tests.web.test_reference import opened

SINGLES, ENFORCER, CONTRACT_OWNER, REMOTE = 66, 67, 68, 69


@contextmanager
def api_of(house: House, **settings: str) -> Iterator[str]:
    """The address of another API of the house, with some settings of its own."""
    port, file = free_port(), str(house.env_file)
    process = subprocess.Popen(
        ["/bin/sh", "-c", f'. "$0" && exec {sys.executable} -m backend.api --port {port}', file],
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + START_S
        while True:
            assert time.monotonic() < until
            assert process.poll() is None
            with suppress(httpx.TransportError):
                if httpx.get(f"{url}/readyz").status_code == 200:
                    break
            time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait()


def check_looks(found: dict[str, object]) -> None:
    """Nothing that the browser complains of, no rule of axe broken, nothing too wide."""
    assert (found["complaints"], found["axe"]) == ([], [])
    overflow = found["overflow"]
    assert isinstance(overflow, list)
    assert [name for name, pixels in overflow if pixels > 0] == []


async def test_refused_single_does_not_lose_the_others(house: House, tmp_path: Path) -> None:
    database = f"DATABASE_URL={house.database_url}"
    command = json.dumps(["/usr/bin/env", database, sys.executable, "-m", "backend.markets"])
    key = house.visitors(SINGLES)
    found = await opened(house.url, tmp_path, house.node, key, command, script="slips_page.mjs")
    check_looks(found)
    # Newest first; the nonce of the refused one is free for the next.
    assert found["states"] == ["accepted", "refused", "accepted"]
    assert found["refusal"].startswith("Not accepted.")
    assert found["signed"] == [["2000000", 1], ["3000000", 2], ["4000000", 2]]
    assert found["left"] == [1, "3"]
    assert (found["again"], found["legsLeft"]) == (3, 0)
    assert found["afterRefusal"] == [2, 2]
    # After the reload only the bet that was not signed is in the slip.
    assert found["reloaded"] == [1, 3, 1, "1"]


async def test_receipt_is_enforced_against_an_operator_that_leaves_it_out(
    house: House, tmp_path: Path
) -> None:
    async with httpx.AsyncClient(base_url=house.url) as api:
        sportsbook = (await api.get("/v1/contracts")).json()["sportsbook"]
        engine = create_engine(house.database_url)
        # The worker takes this lock for each batch that it makes.
        with held(engine, f"flush:1337:{sportsbook}"):
            key = house.visitors(ENFORCER)
            found = await opened(house.url, tmp_path, house.node, key, script="enforcing_page.mjs")
            check_looks(found)
            assert (found["waits"], found["bets"]) == (0, 1)
            # The first one was refused in the wallet.
            assert [to.lower() for to in found["sent"]] == [sportsbook.lower()] * 2
            owner = f"/v1/accounts/by-owner/{found['owner']}"
            account = (await api.get(owner)).json()
            [slip] = (await api.get(f"/v1/accounts/{account['account']}/slips")).json()["slips"]
            [bet] = (await api.get(f"/v1/accounts/{account['account']}/bets")).json()["bets"]
        engine.dispose()
    assert slip["status"] == "placed"
    assert (bet["nonce"], bet["stake_micro"], bet["state"]) == (1, "5000000", "open")
    assert account["balance_micro"] == "15000000"


async def test_contract_wallet_signs_in_and_sends_calls_as_one(
    house: House, tmp_path: Path
) -> None:
    bytecode = compiled()["MockWallet"]["bytecode"]
    code = bytecode if bytecode.startswith("0x") else f"0x{bytecode}"
    key = house.visitors(CONTRACT_OWNER)
    script = "smart_wallet_page.mjs"
    found = await opened(house.url, tmp_path, house.node, key, code, script=script)
    check_looks(found)
    assert found["permits"] == 0
    assert found["apart"] == [2, 0]
    assert found["together"] == [2, 2, True]
    is_named, contract = found["signedIn"]
    assert is_named
    async with httpx.AsyncClient(base_url=house.url) as api:
        account = (await api.get(f"/v1/accounts/by-owner/{contract}")).json()
        bets = (await api.get(f"/v1/accounts/{account['account']}/bets")).json()["bets"]
    # The house accepts no bets from contracts, and the app asks for no signature in vain. The
    # contract sends its bet itself, once for a double click: the call that the house quoted.
    assert found["signButtons"] == 0
    direct = found["direct"]
    assert (direct["sent"], found["directBets"]) == (1, 1)
    assert [part.lower() for part in direct["call"]] == [part.lower() for part in direct["quote"]]
    assert [(bet["nonce"], bet["stake_micro"], bet["state"]) for bet in bets] == [
        (direct["nonce"], "2000000", "open")
    ]
    assert account["balance_micro"] == "48000000"
    # One refused, one deposit, one to the bankroll.
    assert found["batches"] == 3


async def test_wallet_on_another_device_joins_where_a_project_is_configured(
    house: House, tmp_path: Path
) -> None:
    key = house.visitors(REMOTE)
    script = "remote_wallet_page.mjs"
    with api_of(house, WALLETCONNECT_PROJECT_ID="0" * 32) as url:
        found = await opened(house.url, tmp_path, house.node, key, url, script=script)
    check_looks(found)
    # Without a project it is not offered; with one, the library is loaded when it is chosen.
    assert found["without"] == [0, 0]
    assert found["beforeChoice"] == 0
    assert found["uris"] == [False, "wc:"]
    assert {"personal_sign", "eth_signTypedData_v4"} <= set(found["asked"])
    async with httpx.AsyncClient(base_url=house.url) as api:
        account = (await api.get(f"/v1/accounts/by-owner/{found['owner']}")).json()
    assert account["balance_micro"] == "12000000"
