"""A visitor follows a match day in the app, in a real browser against a whole house on a chain.

Branches: odds that another visitor moves · a suspended market, on the board, on its fixture and on
the slip · past odds · the clock of the chain, step by step and to the end, with a bet that is
settled · a server without this control · transactions with and without an explorer · icons, and
whether a browser would install the app.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.devnet.paths import ROOT
from scripts.devnet.sample import fixtures
from tests.web.conftest import House
from tests.web.test_reference import opened

# The icons may be drawn by another Chromium, whose edges differ by shades.
MOST_DIFFERENCE = 1.0
MOST_PLAYED_MS = 60_000


def money(text: str) -> float:
    """The first amount of a text."""
    found = re.search(r"([\d,]+\.\d+) tUSD", text)
    assert found is not None, text
    return float(found[1].replace(",", ""))


@pytest.mark.plays_the_match_day
async def test_a_visitor_follows_a_match_day(house: House, tmp_path: Path) -> None:
    database = f"DATABASE_URL={house.database_url}"
    command = json.dumps(["/usr/bin/env", database, sys.executable, "-m", "backend.markets"])
    found = await opened(house.url, tmp_path, command, script="board_page.mjs")
    assert found["complaints"] == []
    assert found["axe"] == []
    assert [name for name, pixels in found["overflow"] if pixels > 0] == []

    moved = found["moved"]
    assert moved["said"] == f"The odds moved from {moved['before']} to {moved['now']}."
    assert float(moved["now"]) < float(moved["before"])
    assert moved["mayNotSign"]
    assert f"minOddsE4\n{round(float(moved['now']) * 10_000)}\n" in moved["signed"]

    suspended = found["suspended"]
    assert suspended["slip"] == "No odds now"
    assert suspended["mayNotSign"]
    # The one on the slip can still be taken off it.
    assert suspended["outcomes"] == 1
    ladders, tags = suspended["ladders"]
    assert ladders == tags == 6

    names = [row.split("\t")[0] for row in found["history"]["rows"]]
    assert names == ["Outcome", "Home", "Draw", "Away"]
    home = found["history"]["rows"][1].split("\t")[1:]
    assert home[0] == moved["before"]
    assert home[3] == moved["now"]
    assert home[1:3] == sorted(home[1:3], key=float)
    assert "V" in found["history"]["steps"]
    assert found["history"]["lines"] == 3

    assert found["focusIsBack"]
    before, kicked_off, after = found["before"], found["kickedOff"], found["after"]
    assert before["fixtures"] == len(fixtures())
    assert len({before["clock"], kicked_off["clock"], after["clock"]}) == 3
    assert "1 open, 0 closed" in kicked_off["own"]
    assert found["playedMs"] < MOST_PLAYED_MS
    scores = "\n".join(after["scores"])
    for fixture in fixtures():
        assert fixture.score is not None
        goals = f"{fixture.score.home_full}–{fixture.score.away_full}"
        assert f"{fixture.home} {goals} {fixture.away}" in scores
    assert scores.count("final") == len(fixtures())
    paid = money(after["own"])
    assert money(after["funds"]) == pytest.approx(money(before["funds"]) + paid)
    assert ("Won" in found["settled"]) == (paid > 5)

    assert found["elsewhere"] == {"buttons": 0, "asked": []}
    assert found["links"] == 0
    assert re.fullmatch(r"https://explorer\.example/tx/0x[0-9a-f]{64}", found["link"])
    assert found["install"] == {"installabilityErrors": [], "errors": []}


def test_icons_are_those_that_the_drawing_gives() -> None:
    script = str(ROOT / "scripts" / "make_icons.mjs")
    made = subprocess.run(
        ["node", script, "--check"], capture_output=True, text=True, timeout=120, check=True
    )
    differences = json.loads(made.stdout)
    assert len(differences) == 4
    assert {name: one for name, one in differences.items() if one > MOST_DIFFERENCE} == {}


def test_manifest_names_icons_that_exist() -> None:
    public = ROOT / "web" / "public"
    manifest = json.loads((public / "manifest.webmanifest").read_text())
    sizes = {(icon["sizes"], icon["purpose"]) for icon in manifest["icons"]}
    assert {("192x192", "any"), ("512x512", "any"), ("512x512", "maskable")} <= sizes
    for icon in manifest["icons"]:
        assert (public / icon["src"].lstrip("/")).is_file()
