"""Two visitors bet in the app, in a real browser against a whole house on a chain.

The first has nothing installed and a phone; the second a wallet of their own, which refuses and
switches account and network, and a connection that loses answers. What they sign is compared with
what the app shows.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from scripts import export_web_types
from scripts.devnet.paths import ROOT
from tests.web.conftest import House, micro
from tests.web.test_reference import opened

DIST = ROOT / "web" / "dist"
PROVIDER = 62
FIRST_LOAD_KIB = 180
OFFLINE_MS = 3_000
FIRST_BET_MS = 120_000


async def test_two_visitors_bet_in_the_app(house: House, tmp_path: Path) -> None:
    keys = house.visitors(60, 61)
    found = await opened(house.url, tmp_path, house.node, keys, script="app_page.mjs")
    assert found["complaints"] == []
    assert found["axe"] == []
    assert [name for name, pixels in found["overflow"] if pixels > 0] == []
    assert sorted(found["hosts"]) == sorted([house.url, house.node])

    # What the wallet's window shows is what the app had shown.
    assert found["demoWindow"] == found["demoSlip"]
    signed = dict(found["demoWindow"])
    assert signed["stakeMicro"] == "2500000"
    assert signed["nonce"] == "1"
    assert dict(found["permit"])["value"] == "100000000"
    # Beside what is raw stands what it says.
    assert found["permitReadings"][:3] == ["your address", "the sportsbook contract", "100.00 tUSD"]
    assert found["call"] == "Withdraws to this wallet the amount that you have just signed."
    stake, odds, *times_and_lines = found["slipReadings"]
    assert stake == "2.50 tUSD"
    assert round(float(odds) * 10_000) == int(signed["minOddsE4"])
    assert times_and_lines[-2:] == ["no line", "before the match"]
    assert found["ambiguous"].startswith("A comma could mean thousands")
    assert found["firstBetMs"] < FIRST_BET_MS
    assert (found["demoBets"], found["demoLeft"]) == (1, "57.50 tUSD")
    verdict, figures = found["proof"]
    assert verdict.startswith("Solvent")
    # Other visitors have accounts, too.
    owed = re.search(r"Owed to .*\n.*\n\t(.*)", figures)
    assert owed is not None, figures
    assert micro(owed[1]) >= 57_500_000

    assert found["switchedTo"] == 1337
    assert found["doubleClick"] == {"signed": 1, "posted": 2, "same": 1, "legs": 2}
    assert (found["signedAfterReload"], found["receipts"]) == (2, 2)
    assert found["offlineMs"] < OFFLINE_MS
    assert found["markedOld"] == 1
    assert found["ladders"] == 6

    # The board loads little, and no wallet.
    for screen, scripts in found["scripts"].items():
        assert sum(size for _, size in scripts) / 1024 < FIRST_LOAD_KIB, screen
        for name, _ in scripts:
            text = (DIST / "assets" / name).read_text()
            assert "eth_signTypedData_v4" not in text, name
            assert "test test test" not in text, name
    assert "/" in found["fraction"]


async def test_visitor_provides_liquidity_and_takes_a_part_back(
    house: House, tmp_path: Path
) -> None:
    key = house.visitors(PROVIDER)
    found = await opened(house.url, tmp_path, house.node, key, script="liquidity_page.mjs")
    assert found["complaints"] == []
    assert found["axe"] == []
    assert [name for name, pixels in found["overflow"] if pixels > 0] == []
    assert found["tooMuch"] == "At most 1,000.00."
    # Less what open bets of other visitors could win of it.
    assert re.search(r"worth (40\.00|39\.99) tUSD", found["position"])
    assert re.search(r"worth (25\.00|24\.99) tUSD", found["left"])
    summary, line = found["chart"]
    assert re.fullmatch(r"From [01]\.\d+ tUSD to [01]\.\d+ tUSD a share\.", summary)
    assert re.match(r"M0 [\d.]+H", line)
    withdrawal, deposit, *_ = found["movements"]
    assert withdrawal.startswith("Withdrawal")
    assert withdrawal.endswith("15.00 tUSD")
    assert deposit.startswith("Deposit")
    assert deposit.endswith("40.00 tUSD")


def test_generated_types_are_those_of_the_api_and_the_contracts() -> None:
    stale = [
        path.name
        for path, source in export_web_types.sources().items()
        if path.read_text() != source
    ]
    assert stale == [], "run python -m scripts.export_web_types"


def test_types_of_the_app_are_sound() -> None:
    tsc = ROOT / "node_modules" / ".bin" / "tsc"
    done = subprocess.run([tsc, "-p", ROOT / "web"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
