"""A visitor without any coin of the chain deposits, asks for an exit and excludes themself, in a
real browser against a whole house. What the app says is compared with what the wallet signed and
with what the house and the chain have.
"""

from __future__ import annotations

from pathlib import Path

import httpx
from eth_utils.crypto import keccak

from tests.web.conftest import House
from tests.web.test_reference import opened

# Its key belongs to nobody, so that its address has never had a coin.
POOR = keccak(text="a visitor without coins")


async def test_visitor_without_coins_deposits_exits_and_excludes_themself(
    house: House, tmp_path: Path
) -> None:
    keys = f"{house.visitors(66)},0x{POOR.hex()}"
    found = await opened(house.url, tmp_path, house.node, keys, script="relays_page.mjs")
    assert found["complaints"] == []
    assert found["axe"] == []
    assert [name for name, pixels in found["overflow"] if pixels > 0] == []
    assert sorted(found["hosts"]) == sorted([house.url, house.node])

    # Without a coin, and without a transaction of the wallet's own.
    assert (found["coins"], found["transactions"], found["sent"]) == ("0", 0, 0)
    # Two clicks and a lost answer sign once, and deposit once.
    assert found["deposit"] == {"signed": 1, "value": "80000000", "posted": 2, "same": 1}
    assert found["available"] == "80.00 tUSD"
    assert found["requests"] == [
        ["Request an exit of micro", "80000000", "0"],
        ["Request an exit of micro", "0", "1"],
    ]
    assert found["choicesWithout"] == 0

    async with httpx.AsyncClient(base_url=house.url) as api:
        account = (await api.get(f"/v1/accounts/by-owner/{found['owner']}")).json()
        relays = (await api.get(f"/v1/accounts/by-owner/{found['owner']}/relays")).json()["relays"]
    assert (account["balance_micro"], account["request_number"]) == ("80000000", 3)
    assert account["excluded_until_s"] == found["excludedUntilS"]
    kinds = [relay["kind"] for relay in relays]
    assert kinds == ["exclude", "request-exit", "request-exit", "permit"]
    assert {relay["status"] for relay in relays} <= {"tentative", "confirmed", "final"}
