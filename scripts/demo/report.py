"""Writes the report of a run, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from scripts.demo.audit import SHOWN_DIFFERENCES, Check
from scripts.demo.one_by_one import OneByOne

UNIT = 10**6
_NAME_WIDTH = 34


@dataclass(frozen=True, slots=True)
class Figures:
    """The results of a run; money in micro-units, gas in units, times in seconds."""

    wallets: int
    accepted: int
    accumulators: int
    placed: int
    settled: int
    refused: int
    refusals: Mapping[str, int]
    batches: int
    place_gas: int
    settle_gas: int
    result_gas: int
    turnover_micro: int
    house_profit_micro: int
    bettors_profit_micro: int
    withdrawals: int
    stages_s: Mapping[str, float]


def lines(figures: Figures, alone: OneByOne, checks: Sequence[Check]) -> list[str]:
    """The report as it is printed."""
    return [
        *("", "Bets", *_bets(figures)),
        *("", "Gas per bet, including each transaction's base cost", *_gas_per_bet(figures, alone)),
        *("", "Money", *_profits(figures)),
        *("", "Checks, from the chain's own data"),
        *(line for number, check in enumerate(checks, 1) for line in _check(number, check)),
        *("", "Time"),
        *(f"  {seconds:>6.1f} s  {name}" for name, seconds in figures.stages_s.items()),
        "",
    ]


def _bets(figures: Figures) -> list[str]:
    return _table(
        ("wallets", f"{figures.wallets:,}"),
        ("slips accepted", f"{figures.accepted:,} ({figures.accumulators:,} accumulators)"),
        ("bets placed", f"{figures.placed:,} in {figures.batches:,} batches"),
        ("bets settled", f"{figures.settled:,}"),
        ("slips refused", f"{figures.refused:,}"),
        *((f"  {code}", f"{count:,}") for code, count in figures.refusals.items()),
        ("withdrawals", f"{figures.withdrawals:,}"),
    )


def _gas_per_bet(figures: Figures, alone: OneByOne) -> list[str]:
    both, both_alone = figures.place_gas + figures.settle_gas, alone.place_gas + alone.settle_gas
    return [
        f"  {'':<{_NAME_WIDTH}}{'in batches':>12}{'one by one':>12}{'saved':>8}",
        _gas("placing", figures.place_gas, figures.placed, alone.place_gas, alone.bets),
        _gas("settling", figures.settle_gas, figures.settled, alone.settle_gas, alone.bets),
        _gas("both", both, figures.placed, both_alone, alone.bets),
        _gas_share("its share of results", figures.result_gas, figures.placed),
    ]


def _profits(figures: Figures) -> list[str]:
    return _table(
        ("staked", _money(figures.turnover_micro)),
        ("house's profit", _money(figures.house_profit_micro)),
        ("bettors' profit", _money(figures.bettors_profit_micro)),
    )


def write(
    path: Path, seed: int, figures: Figures, alone: OneByOne, checks: Sequence[Check]
) -> None:
    """The same as JSON, for comparing runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    body = {
        "seed": seed,
        **asdict(figures),
        "one_by_one": asdict(alone),
        "checks": [{**asdict(check), "passed": check.passed} for check in checks],
    }
    path.write_text(json.dumps(body, indent=2) + "\n")


def _table(*rows: tuple[str, str]) -> list[str]:
    return [f"  {name:<{_NAME_WIDTH}}{value}" for name, value in rows]


def _money(micro: int) -> str:
    return f"{micro / UNIT:,.2f} tUSD"


def _gas(what: str, batched: int, bets: int, alone: int, alone_bets: int) -> str:
    one, other = batched // max(1, bets), alone // max(1, alone_bets)
    saved = f"{100 - 100 * one // max(1, other)} %"
    return f"  {what:<{_NAME_WIDTH}}{one:>12,}{other:>12,}{saved:>8}"


def _gas_share(what: str, gas: int, bets: int) -> str:
    return f"  {what:<{_NAME_WIDTH}}{gas // max(1, bets):>12,}"


def _check(number: int, check: Check) -> list[str]:
    word = "holds " if check.passed else "BROKEN"
    shown = [f"           {difference}" for difference in check.differences[:SHOWN_DIFFERENCES]]
    more = len(check.differences) - SHOWN_DIFFERENCES
    if more > 0:
        shown.append(f"           and {more} more")
    return [f"  {word} {number}. {check.title} ({check.looked_at})", *shown]
