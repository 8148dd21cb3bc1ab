"""Two owners sign in, follow their accounts, cash out, limit and exclude themselves, in a real
browser against a whole house. What the app says is compared with what their wallets signed and with
what the house has.
"""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.web.conftest import House, micro
from tests.web.test_reference import opened

# Account, history and withdrawals, each every 2 s for 5 s.
ASKS = range(3, 13)


async def test_two_owners_use_what_is_private(house: House, tmp_path: Path) -> None:
    keys = house.visitors(64, 65)
    found = await opened(house.url, tmp_path, house.node, keys, script="private_page.mjs")
    assert found["complaints"] == []
    assert found["axe"] == []
    assert [name for name, pixels in found["overflow"] if pixels > 0] == []
    assert sorted(found["hosts"]) == sorted([house.url, house.node])

    # A sign-in is a text for this page, shown as it is signed.
    for text in (found["text"], found["demoText"]):
        domain = house.url.removeprefix("http://")
        assert text.startswith(f"{domain} wants you to sign in with your Ethereum account:\n0x")
        assert "moves no money" in text
        assert f"URI: {house.url}\nVersion: 1\nChain ID: 1337\nNonce: " in text

    # Whoever is signed in gets pushes, and asks for nothing.
    assert found["asksSignedOut"] in ASKS
    assert found["asksSignedIn"] == 0
    assert found["asksAfterSigningOut"] in ASKS
    assert found["odds"] == "live"

    # An offer that moved is not signed; one that ended costs nothing; two clicks sign one.
    assert (found["movedMayBeSigned"], found["signedBeforeAgreed"]) == (False, 1)
    cash_out = found["cashOut"]
    assert (cash_out["signed"], cash_out["posted"], cash_out["same"]) == (1, 2, 1)
    assert cash_out["shown"] == cash_out["wallet"]
    assert cash_out["stake"] == "4000000"
    assert found["demoWindow"] == found["demoShown"]
    life, price = found["life"]
    assert life.startswith("valid for ")
    assert price.endswith(" tUSD")
    shown, paid_micro = found["balance"]
    assert micro(shown) == int(paid_micro)

    # Limits hold, in the page and at the house.
    assert found["stakeUse"] == 1
    assert found["depositBeyond"] is False
    assert found["timeOutAtOnce"] is False
    assert (found["consequences"], found["depositExcluded"]) == (4, False)
    async with httpx.AsyncClient(base_url=house.url) as api:
        account = (await api.get(f"/v1/accounts/by-owner/{found['owner']}")).json()
    assert account["balance_micro"] == paid_micro
    assert account["excluded_until_s"] == found["excludedUntilS"]

    assert (found["sessions"], found["textsAfterEnd"]) == (2, 1)
