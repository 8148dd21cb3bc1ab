"""The cost of a bet on a rollup is computed from the figures on file; the documents show both."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bench.rollup import GWEI, RESULTS, Bet, FeeLevel, cents, cost_table
from scripts.devnet.paths import ROOT

README = ROOT / "README.md"
CONTRACTS = ROOT / "docs" / "contracts.md"
FIGURES: dict[str, int] = json.loads(RESULTS.read_text())
LEVEL = FeeLevel("any", GWEI // 50, GWEI, GWEI // 16, 3_000)
ROW = re.compile(r"^\| (.+) \| ([\d,; ]+) \|$", re.MULTILINE)
NUMBER = re.compile(r"\d[\d,]*\d")

LIFE = (
    "full lifecycle (placing, settling, its share of publishing the result), 100 bets on ten"
    " markets of a fixture"
)
README_ROWS = {
    "place, 100 slips of distinct bettors on one market": ["place_100_one_market"],
    "settle the same, half of them winners": ["settle_100_one_market"],
    LIFE: ["life_100_one_fixture"],
    "the same, 100 bets on fifty fixtures, settled ten fixtures at a time": [
        "life_100_fifty_fixtures"
    ],
    "the same bets, each fixture settled in its own transaction": [
        "life_100_fifty_fixtures_one_by_one"
    ],
    "accumulator of four legs, 100 in a batch, place and settle": ["life_100_accumulators"],
    "result of one fixture, 20 in a call": ["result_20_in_a_call"],
    "one bet enforced by receipt and settled alone": ["life_direct"],
    "deposit, withdraw": ["deposit", "withdraw"],
}
CONTRACTS_ROWS = {
    "place, 100 slips of distinct bettors on one market": ["place_100_one_market"],
    "the same on ten markets of a fixture": ["place_100_ten_markets"],
    "place, 10 slips on one market": ["place_10_one_market"],
    "place, one slip": ["place_1_one_market"],
    "settle, 100 bets on one market, half of them winners": ["settle_100_one_market"],
    "settle, 10 such bets": ["settle_10_one_market"],
    "place, settle and a share of the result: 100 bets on ten markets of a fixture": [
        "life_100_one_fixture"
    ],
    "the same: 100 bets on fifty fixtures, settled ten fixtures at a time": [
        "life_100_fifty_fixtures"
    ],
    "the same bets, each fixture settled in a transaction of its own": [
        "life_100_fifty_fixtures_one_by_one"
    ],
    "place and settle, without results: 100 accumulators of four legs": ["life_100_accumulators"],
    "one bet by receipt, placed and settled alone": ["life_direct"],
    "one result; one of 20 in a call": ["result_1", "result_20_in_a_call"],
    "deposit; with permit": ["deposit", "deposit_with_permit"],
    "countersigned withdrawal": ["withdraw"],
}


def gas_table(text: str) -> dict[str, list[int]]:
    """The numbers of the first table of gas, by row."""
    table = text.split("| what | gas |\n|---|---|\n")[1].split("\n\n")[0]
    return {
        label: [int(number.replace(",", "")) for number in NUMBER.findall(numbers)]
        for label, numbers in ROW.findall(table)
    }


@pytest.mark.parametrize(
    ("document", "rows"),
    [(README, README_ROWS), (CONTRACTS, CONTRACTS_ROWS)],
    ids=["README", "contracts"],
)
def test_table_of_gas_shows_the_figures_on_file(document: Path, rows: dict[str, list[str]]) -> None:
    expected = {label: [FIGURES[name] for name in names] for label, names in rows.items()}
    assert gas_table(document.read_text()) == expected


def test_readme_shows_what_a_bet_costs_on_a_rollup() -> None:
    assert "\n".join(cost_table(FIGURES)) in README.read_text()


def test_readme_shows_the_data_of_a_bet() -> None:
    text = README.read_text().replace("\n", " ")
    for prefix, takes in ("", "placing takes"), ("settle_", "settling"):
        call_data, op_stack, nitro = (
            FIGURES[f"{prefix}{name}"]
            for name in (
                "calldata_bytes_per_bet",
                "rollup_bytes_per_bet",
                "rollup_bytes_per_bet_arbitrum",
            )
        )
        kind = "" if prefix else " of call data"
        assert f"{takes} {call_data} bytes{kind} ({op_stack}, {nitro})" in text


def test_op_stack_cost_is_gas_and_weighted_data() -> None:
    """1,000 gas at 0.02 gwei; 10 bytes at 16 x 0.005227 x 1 gwei + 1.014213 x 0.0625 gwei."""
    assert Bet(1_000, 10, 0).op_stack_wei(LEVEL) == 20 * GWEI + 1_470_203_125


def test_nitro_cost_is_gas_and_units_of_data() -> None:
    """1,000 gas at 0.02 gwei; 10 bytes of 16 units. A blob of 2^17 gas holds 130,048 bytes, and
    585,216 bytes share 210,000 gas at 1 gwei."""
    unit_wei = (62_500_000 * 131_072 // 130_048 + GWEI * 210_000 // 585_216) // 16
    assert LEVEL.nitro_unit_price_wei == unit_wei == 26_364_624
    assert Bet(1_000, 0, 10).nitro_wei(LEVEL) == 20 * GWEI + 160 * unit_wei


@pytest.mark.parametrize(
    ("wei", "text"),
    [(10**18, "300000"), (10**13, "3"), (333 * 10**10, "1.0"), (12345 * 10**8, "0.37")],
)
def test_cents_have_two_significant_digits(wei: int, text: str) -> None:
    assert cents(wei, 3_000) == text
