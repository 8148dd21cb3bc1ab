"""Bets straight at the contract from the app, in a real browser with a wallet that really signs,
against a whole house. What the wallet sent is compared with what the house quoted and with what is
on the chain."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import httpx

from backend.quotes.call import quoted_batch
from protocol.market_id import Kind, MarketId, fixture_id
from protocol.typed_data import Leg, Quote
from scripts.devnet.paths import ROOT
from tests.web.conftest import House
from tests.web.test_reference import opened
from tests.web.test_slips import check_looks

DIRECT = 70
SCRIPT = """
import { quotedBatch } from "./web/src/direct/call.ts";
const { stakeMicro, minOddsE4, ...rest } = JSON.parse(process.argv[1]);
console.log(quotedBatch({ ...rest, stakeMicro: BigInt(stakeMicro), minOddsE4: BigInt(minOddsE4) }));
"""


def leg(name: str, kind: Kind, outcome: int, line_q: int = 0) -> Leg:
    market = MarketId(fixture_id(name), 1_900_000_000, kind, line_q=line_q)
    return Leg(name, market, outcome)


def packed_by_the_app(quote: Quote, min_odds_e4: int) -> str:
    body: dict[str, Any] = {
        "account": quote.account,
        "nonce": quote.nonce,
        "stakeMicro": str(quote.max_stake_micro),
        "minOddsE4": str(min_odds_e4),
        "legs": [
            {
                "market": f"0x{one.market.pack().hex()}",
                "outcome": one.outcome,
                "fixture": one.fixture_name,
            }
            for one in quote.legs
        ],
        "oddsE4": quote.odds_e4,
    }
    command = [
        "node",
        "--import",
        "./tests/web/typescript.mjs",
        "--input-type=module",
        "-e",
        SCRIPT,
    ]
    run = subprocess.run(
        [*command, json.dumps(body)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return run.stdout.strip()


def test_app_packs_a_quoted_bet_as_the_house_does() -> None:
    """The app takes nothing but the odds from the house: it packs what the visitor chose."""
    legs = [
        leg("Home v Away, 2030-03-17", Kind.ASIAN_HANDICAP, 1, -3),
        leg("Another v Away, 2030-03-17", Kind.TOTAL_GOALS, 0, 10),
        leg("Third v Away, 2030-03-17", Kind.MATCH_RESULT, 2),
    ]
    for some in (legs[:1], legs[2:], legs, legs[::-1]):
        odds = tuple(15_000 + 1_234 * at for at in range(len(some)))
        quote = Quote(7, 12, 2**55 - 1, 1_800_000_000, odds, tuple(some))
        assert packed_by_the_app(quote, 2**40 - 1) == f"0x{quoted_batch(quote, 2**40 - 1).hex()}"


async def test_wallet_sends_a_bet_to_the_chain_itself(house: House, tmp_path: Path) -> None:
    key = house.visitors(DIRECT)
    found = await opened(house.url, tmp_path, house.node, key, script="direct_page.mjs")
    check_looks(found)
    # The wallet was asked once and refused, then once more for a double click.
    assert (found["afterRefusal"], found["sent"], found["legs"]) == (1, 2, 0)
    # More than half of the balance is reserved for the quote. It is there after the window was as
    # narrow as a phone, after the connection was lost, and after a reload.
    assert found["kept"] == [True] * 4
    # Odds, payout and gas, before anything is sent.
    assert len(found["terms"]) == 3
    assert found["terms"][2].startswith("about ")
    [[to, data, nonce]] = found["quotes"]
    assert [part.lower() for part in found["call"][:2]] == [to.lower(), data]
    async with httpx.AsyncClient(base_url=house.url) as api:
        account = (await api.get(f"/v1/accounts/by-owner/{found['owner']}")).json()
        number = account["account"]
        [bet] = (await api.get(f"/v1/accounts/{number}/bets")).json()["bets"]
        slips = (await api.get(f"/v1/accounts/{number}/slips")).json()["slips"]
    assert (bet["nonce"], bet["stake_micro"], bet["state"]) == (nonce, "40000000", "open")
    assert slips == []
    assert (account["balance_micro"], account["reserved_micro"]) == ("10000000", "0")
