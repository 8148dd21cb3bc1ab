"""Runs the result commands: `python -m backend.settlement list`, `show`, `void` and others."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, NoReturn

import typer
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import OperationalError, ProgrammingError

from backend.deployment import Deployment, DeploymentInvalid
from backend.errors import FatalError, RetryableError
from backend.feed.facts import FactsInvalid, ended_in_first_half
from backend.feed.reading import read_facts
from backend.formatting import tokens, utc
from backend.markets.finding import Named, listed, matching
from backend.mirror.deployment import Mirror, read_mirror, read_rows
from backend.mirror.settlement import BETS
from backend.settings import load_settings
from backend.settlement import rulings
from backend.settlement.correcting import (
    CorrectionRefused,
    correction,
    send_correction,
    until_decided,
)
from backend.settlement.fixture_verdict import Ruling, Verdict, verdict
from backend.settlement.judging import Judged, judged_fixtures
from backend.settlement.result_preview import OpenBet, Pays, pays
from backend.settlement.settings import GWEI, ArbiterSettings, ResultSettings
from backend.transactions.node import Node
from backend.transactions.signer import LocalSigner
from protocol.database_faults import database_fault, tables_fault
from protocol.market_id import MarketId
from protocol.outcomes import ResultStatus, Score
from protocol.typed_data import Result

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_SCORE = re.compile(r"(\d{1,2})-(\d{1,2})", re.ASCII)

Name = Annotated[
    str,
    typer.Argument(
        help="The start of a fixture's id in hex, or words that only its name contains."
    ),
]
Reason = Annotated[str, typer.Option(help="Why, in words for the record.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@dataclass(frozen=True, slots=True)
class _Desk:
    """What every command looks at: the fixtures, judged at one time."""

    engine: Engine
    deployment: Deployment
    mirror: Mirror
    judged: list[Judged]
    now_s: int


@app.command("list")
def list_() -> None:
    """List fixtures without a final result.

    Shows what the facts say, what is published, and whether the two differ."""
    with _desk(load_settings(ResultSettings, "settlement")) as desk:
        shown = 0
        for one in desk.judged:
            if one.is_final(desk.now_s) and not one.differs(desk.now_s):
                continue
            shown += 1
            print(f"0x{one.fixture.hex()}  {one.name}")
            print(f"    rules: {_verdict(one, desk.now_s)}")
            print(f"    published: {_published(one, desk.now_s)}")
        if not desk.judged:
            print("no fixture is open: `python -m backend.markets open` opens them")
        elif not shown:
            print("every fixture has a final result")


@app.command()
def show(fixture: Name) -> None:
    """Show what would be published, when, and what it pays. Changes nothing."""
    with _desk(load_settings(ResultSettings, "settlement")) as desk:
        one = _find(desk, fixture)
        print(f"{one.name} (0x{one.fixture.hex()})")
        print(f"announced for {utc(one.announced_s)}")
        if one.facts is not None:
            print(f"facts: {one.facts.status}, start {utc(one.facts.starts_at_s)}")
        print(f"rules: {_verdict(one, desk.now_s)}")
        print(f"published: {_published(one, desk.now_s)}")
        wanted = one.verdict.result(one.fixture, max(desk.now_s, one.verdict.due_s))
        if wanted is not None:
            print(f"this pays: {_pays(desk, one, wanted)}")


@app.command()
def void(fixture: Name, reason: Reason, yes: Yes = False) -> None:
    """Make every bet on a fixture void.

    Whatever the facts say. Its markets close at once. Without a published result, the worker
    publishes it at once, and it cannot be withdrawn; with one, use `correct` afterwards."""
    with _desk(load_settings(ResultSettings, "settlement")) as desk:
        one = _rulable(desk, fixture)
        _record(desk, one, Ruling(ResultStatus.VOID, None, desk.now_s, reason), yes)


@app.command()
def abandon(
    fixture: Name,
    minute: Annotated[int, typer.Option(min=0, max=150, help="46 or more: after half-time.")],
    score: Annotated[str, typer.Option(help="The score then, such as 1-0.")],
    reason: Reason,
    half: Annotated[str, typer.Option(help="The half-time score, if there was one.")] = "",
    yes: Yes = False,
) -> None:
    """Say that a match was abandoned and is not resumed.

    What no further goal could change counts, everything else is void. A match that has not started
    is `void` instead."""
    goals = Score(*_goals(half or score), *_goals(score))
    with _desk(load_settings(ResultSettings, "settlement")) as desk:
        one = _rulable(desk, fixture)
        if not half and not ended_in_first_half(minute):
            _fail("after half-time, give the half-time score too: --half 0-0")
        ruling = rulings.abandonment(minute, goals, one.starts_at_s, desk.now_s, reason)
        _record(desk, one, ruling, yes)


@app.command()
def retract(fixture: Name) -> None:
    """Forget `void` or `abandon`: the facts count again.

    A published result stays, until `correct` replaces it."""
    with _desk(load_settings(ResultSettings, "settlement")) as desk:
        one = _find(desk, fixture)
        if not rulings.retract(desk.engine, one.fixture):
            _fail(f"there is no decision on {one.name}")
    with _desk(load_settings(ResultSettings, "settlement")) as desk:
        print(f"retracted. {_after_retraction(_find(desk, fixture), desk.now_s)}")


@app.command()
def correct(
    fixture: Name,
    send: Annotated[
        bool, typer.Option("--send", help="Send it with ARBITER_KEY, without asking.")
    ] = False,
) -> None:
    """Replace a published result that is not final.

    By what the facts, or your decision, say: first change the score in FACTS_FILE, or use `void` or
    `abandon`. Shows the change, what it pays and the call; `--send` also sends it."""
    settings = load_settings(ArbiterSettings if send else ResultSettings, "settlement")
    with _desk(settings) as desk:
        one = _find(desk, fixture)
        planned = correction(one, desk.deployment, desk.now_s)
        print(f"{one.name}")
        print(f"published: {_published(one, desk.now_s)}")
        print(f"correction: {_result(planned.result)}, {one.verdict.reason}")
        print(f"this pays: {_pays(desk, one, planned.result)}")
        print(f"to: {planned.call.to_address}")
        print(f"data: 0x{planned.call.data.hex()}")
        if isinstance(settings, ArbiterSettings):
            node = Node(settings.first_rpc_url, settings.chain_id)
            signer = LocalSigner(settings.arbiter_key_bytes)
            max_fee_wei = settings.max_fee_gwei * GWEI
            receipt = send_correction(node, desk.deployment, signer, planned, max_fee_wei)
            if not receipt.succeeded:
                _fail(f"the transaction reverted in block {receipt.block}")
            print(f"corrected in block {receipt.block}; the dispute window begins again")
        else:
            print("not sent: send this call as the arbiter, or repeat with --send")


@contextmanager
def _desk(settings: ResultSettings) -> Iterator[_Desk]:
    engine = create_engine(settings.database_url)
    try:
        deployment = Deployment.read(settings.deployment_file, settings.chain_id)
        mirror = read_mirror(engine, deployment)
        now_s = mirror.head_timestamp_s if settings.clock == "chain" else int(time.time())
        read = read_facts(settings.facts_file)
        for refusal in read.refusals:
            print(f"settlement: {settings.facts_file}, {refusal}", file=sys.stderr)
        judged = judged_fixtures(engine, mirror.deployment, read.fixtures, now_s)
        yield _Desk(engine, deployment, mirror, judged, now_s)
    except (FactsInvalid, DeploymentInvalid, FatalError, RetryableError) as error:
        _fail(str(error))
    except rulings.RulingInvalid as error:
        _fail(str(error))
    except OperationalError as error:
        _fail(database_fault(error.orig))
    except ProgrammingError as error:
        _fail(tables_fault(error.orig))
    finally:
        engine.dispose()


def _find(desk: _Desk, words: str) -> Judged:
    found = matching(words, [Named(one.fixture, one.name) for one in desk.judged])
    if len(found) != 1:
        names = listed(found) or "`list` shows all of them"
        _fail(f"{len(found)} fixtures without a final result match {words!r}: {names}")
    return next(one for one in desk.judged if one.fixture == found[0].id)


def _rulable(desk: _Desk, words: str) -> Judged:
    one = _find(desk, words)
    if one.is_final(desk.now_s):
        raise CorrectionRefused(f"the result of {one.name} is final: it stands")
    return one


def _record(desk: _Desk, one: Judged, ruling: Ruling, yes: bool) -> None:
    """Show what a decision does, ask, and store it."""
    ruled = verdict(one.announced_s, one.facts, ruling)
    planned = ruled.result(one.fixture, max(desk.now_s, ruled.due_s))
    assert planned is not None, "a decision decides"
    print(f"{one.name}: {_result(planned)}")
    print(f"published: {_published(one, desk.now_s)}")
    print(f"this pays: {_pays(desk, one, planned)}")
    if one.unpublished:
        print("once published, it can be replaced until it is final, but not withdrawn")
    if not yes and not typer.confirm("Record it?"):
        raise SystemExit(1)
    rulings.rule(desk.engine, one.fixture, ruling)
    print(f"recorded: {_after_ruling(one, ruled, planned, desk.now_s)}")


def _after_ruling(one: Judged, ruled: Verdict, planned: Result, now_s: int) -> str:
    if one.published is None:
        if one.sent:
            return "a transaction carries another result already; `list` shows what is published"
        when = "now" if ruled.due_s <= now_s else f"from {utc(ruled.due_s)}"
        return f"the worker publishes it {when}"
    if one.published.says(planned):
        return "it is what is published already"
    return (
        f"`correct --send` replaces the published {_published_result(one)}, which is final at"
        f" {utc(one.published.final_at_s)}"
    )


def _after_retraction(one: Judged, now_s: int) -> str:
    published, wanted = one.published, one.result(now_s)
    if published is None and one.sent:
        return (
            "A result is in a transaction already, which `retract` does not stop: `list` shows what"
            " is published"
        )
    if published is None:
        return f"The facts count again: {_verdict(one, now_s)}"
    stands = f"The published {_published_result(one)} stands"
    if one.is_final(now_s):
        return f"{stands}: it is final"
    if wanted is not None and published.says(wanted):
        return f"{stands}: it is what the facts say"
    if wanted is not None:
        stands += f", and is final at {utc(published.final_at_s)}"
        return f"{stands}: `correct --send` replaces it by {_result(wanted)}"
    due = one.verdict.status is not None
    facts = f"count only from {utc(one.verdict.due_s)}" if due else "decide nothing yet"
    return f"{stands}. The facts {facts} ({one.verdict.reason}): {until_decided(one)}"


def _pays(desk: _Desk, one: Judged, result: Result) -> str:
    with desk.engine.connect() as connection:
        rows = read_rows(
            connection, BETS, {"deployment": desk.mirror.deployment, "fixture": one.fixture}
        )
    bets = [
        OpenBet(
            MarketId.unpack(bytes(row.market)),
            int(row.outcome),
            int(row.odds_e4),
            int(row.stake_micro),
            int(row.legs),
        )
        for row in rows
    ]
    return _amounts(pays(bets, result))


def _amounts(found: Pays) -> str:
    return (
        f"{tokens(found.payouts_micro)}; single bets: {found.singles} with stakes of"
        f" {tokens(found.stakes_micro)}, {found.void_singles} void; accumulators with a leg on it:"
        f" {found.accumulators}, {found.lost_accumulators} lost by it"
    )


def _verdict(one: Judged, now_s: int) -> str:
    wanted = one.verdict.result(one.fixture, max(now_s, one.verdict.due_s))
    if wanted is None:
        return one.verdict.reason
    when = "now" if one.verdict.due_s <= now_s else f"from {utc(one.verdict.due_s)}"
    return f"{_result(wanted)}, {when} ({one.verdict.reason})"


def _published(one: Judged, now_s: int) -> str:
    if one.published is None:
        return "in a transaction" if one.sent else "nothing"
    final_s = one.published.final_at_s
    state = "final" if now_s >= final_s else f"final at {utc(final_s)}"
    differs = "; DIFFERS from the rules" if one.differs(now_s) else ""
    return f"{_published_result(one)}, {state}{differs}"


def _published_result(one: Judged) -> str:
    assert one.published is not None, "nothing is published"
    score = one.published.score
    goals = (score.home_half, score.away_half, score.home_full, score.away_full)
    return _result(Result(one.fixture, one.published.status, *goals, 0))


def _result(result: Result) -> str:
    status = ResultStatus(result.status)
    if status is ResultStatus.VOID:
        return "VOID"
    half = f"{result.home_half}-{result.away_half}"
    return f"{status.name} {result.home_full}-{result.away_full} (half-time {half})"


def _goals(text: str) -> tuple[int, int]:
    match = _SCORE.fullmatch(text)
    if match is None:
        _fail(f"{text!r} is not a score such as 1-0")
    return int(match[1]), int(match[2])


def _fail(reason: str) -> NoReturn:
    print(f"settlement: {reason}", file=sys.stderr)
    raise SystemExit(2) from None


if __name__ == "__main__":
    app()
