"""Says what happened in each round, and writes it as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from scripts.chaos.round import RoundResult

_COLUMNS = (
    "round",
    "seed",
    "chain",
    "slips",
    "requests",
    "accepted",
    "refused",
    "on chain",
    "longest wait",
    "well after",
    "verdict",
    "faults",
)


def lines(results: Sequence[RoundResult], asked: int) -> list[str]:
    """The report: a table in Markdown, totals, and how to repeat what failed."""
    if not results:
        return [f"No round was played; {asked} were asked for."]
    table = [_COLUMNS, tuple("---" for _ in _COLUMNS), *(_row(result) for result in results)]
    return [
        "",
        *(f"| {' | '.join(row)} |" for row in table),
        "",
        *_totals(results, asked),
        *(line for result in results if not result.passed for line in _failure(result)),
    ]


def again(result: RoundResult) -> str:
    """The command that repeats a round alone: in a new house, with the same bettors and faults."""
    return f"make chaos ROUNDS=1 SEED={result.seed} CHAIN={result.chain}"


def write(path: Path, results: Sequence[RoundResult], asked: int) -> None:
    """The same as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rounds = [
        {**asdict(result), "passed": result.passed, "again": again(result)} for result in results
    ]
    body = {"asked": asked, "passed": passed(results, asked), "rounds": rounds}
    path.write_text(json.dumps(body, indent=2) + "\n")


def passed(results: Sequence[RoundResult], asked: int) -> bool:
    """Whether every round that was asked for was played and held."""
    return len(results) == asked and all(result.passed for result in results)


def _row(result: RoundResult) -> tuple[str, ...]:
    recovered = " and ".join(f"{seconds:.1f}" for seconds in result.recovered_s) or "-"
    settled = ", settled" if result.settled else ""
    return (
        str(result.number),
        str(result.seed),
        result.chain,
        str(result.slips),
        str(result.requests),
        str(result.accepted + result.unseen),
        str(result.refused - result.unseen),
        str(result.on_chain),
        f"{result.longest_wait_s:.1f} s",
        f"{recovered} s",
        f"{'holds' if result.passed else 'FAILED'}{settled}",
        "; ".join(result.faults),
    )


def _totals(results: Sequence[RoundResult], asked: int) -> list[str]:
    held = sum(result.passed for result in results)
    accepted = sum(result.accepted + result.unseen for result in results)
    kinds = Counter(" ".join(fault.split(" at ")[0].split()) for r in results for fault in r.faults)
    recovered = sorted(seconds for result in results for seconds in result.recovered_s)
    middle = recovered[len(recovered) // 2] if recovered else 0.0
    return [
        f"{held} of {len(results)} rounds hold; {asked} were asked for.",
        f"{sum(r.slips for r in results)} slips in {sum(r.requests for r in results)} requests:"
        f" {accepted} accepted, {sum(r.on_chain for r in results)} on the chain,"
        f" {sum(r.refused_on_chain for r in results)} lawfully refused there; in"
        f" {sum(r.settled for r in results)} rounds all bets were settled.",
        f"Well again after {middle:.1f} s in the middle, {max(recovered, default=0.0):.1f} s at the"
        f" longest; the longest wait for an answer was"
        f" {max((r.longest_wait_s for r in results), default=0.0):.1f} s.",
        "Faults: " + ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())) + ".",
    ]


def _failure(result: RoundResult) -> list[str]:
    return [
        "",
        f"Round {result.number} FAILED:",
        *(f"  {failure}" for failure in result.failures),
        f"  Logs: {result.logs}/all.log",
        f"  Repeat it alone: {again(result)}",
    ]
