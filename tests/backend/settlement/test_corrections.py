"""The operator steers results by command, on the real contracts, and an alarm says when facts and
results differ.

Branches: corrected before it is final · after it is final · void and abandoned by command, before
and after publication · abandoned before it can have been · retracted, before and after
publication · lines that are refused · fixtures that the facts do not have.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from backend.feed.facts import MATCH_LENGTH_S, FixtureFacts, write_facts
from backend.feed.reading import FactsRead, read_facts
from backend.formatting import tokens, utc
from backend.mirror.deployment import read_mirror
from backend.settlement.facts_watch import LATE_AFTER_S, FactsWatch, Findings, find
from backend.settlement.fixture_verdict import Verdict
from backend.settlement.judging import Judged
from backend.settlement.publishing import Publisher
from backend.settlement.result_preview import OpenBet, earns, pays
from backend.settlement.settling import Settler
from protocol.market_id import Kind, MarketId
from protocol.outcomes import ResultStatus, Score
from protocol.typed_data import Result
from tests.backend.settlement.match_day import STAKE, MatchDay
from tests.support import warm_python
from tests.support.accepted_slips import Game, deployment_of
from tests.support.facts import facts
from tests.support.house import OWNER, RESULT_SIGNERS
from tests.support.leg_fraction import PublishedResult, leg_fraction
from tests.support.nodes import CHAIN_ID, ROOT
from tests.support.people import key_address
from tests.support.terms import DISPUTE_WINDOW_S, VOID_AFTER_S

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def command(day: MatchDay, fresh_database: str, tmp_path: Path) -> Run:
    """Runs one of the commands with the facts of the day."""
    facts_file = tmp_path / "facts.csv"

    def run(*arguments: str, key: bytes = OWNER) -> subprocess.CompletedProcess[str]:
        write_facts(facts_file, day.facts)
        return warm_python.run(
            [sys.executable, "-m", "backend.settlement", *arguments],
            cwd=ROOT,
            env=os.environ
            | {
                "DATABASE_URL": fresh_database,
                "CHAIN_ID": str(CHAIN_ID),
                "DEPLOYMENT_FILE": str(day.house.deployment_file),
                "CLOCK": "chain",
                "FACTS_FILE": str(facts_file),
                "RPC_URL": day.house.node.url,
                "ARBITER_KEY": f"0x{key.hex()}",
                "MAX_FEE_GWEI": "500",
            },
            timeout=60,
        )

    return run


def watch(day: MatchDay, read: FactsRead | None = None) -> Findings:
    deployment = read_mirror(day.engine, deployment_of(day.house)).deployment
    read = read or FactsRead(tuple(day.facts), ())
    return FactsWatch(day.engine).check(deployment, read, day.house.now_s())


def counted(day: MatchDay, name: str) -> int:
    """What the metric fairline_reconciliation_differences reads."""
    statement = text("SELECT differences FROM backend.reconciliation WHERE name = :name")
    with day.engine.connect() as connection:
        return int(connection.execute(statement, {"name": name}).scalar_one())


def bet_on_home(day: MatchDay, score: tuple[int, int, int, int] | None) -> tuple[Game, int]:
    game, alice = day.game(score), day.bettor()
    day.bet(alice, (game, 0))
    day.place()
    return game, alice.account


def balance(day: MatchDay, account: int) -> int:
    return int(day.house.call("Sportsbook", "accountAt", account)[1])


def finish(day: MatchDay, settler: Settler) -> None:
    day.travel_to(day.house.now_s() + 3 * DISPUTE_WINDOW_S)
    assert settler.settle(day.house.now_s()) == 1
    day.land()


def test_score_corrected_before_it_is_final_alarms_and_is_corrected_by_command(
    day: MatchDay,
    publisher: Publisher,
    settler: Settler,
    command: Run,
    capsys: pytest.CaptureFixture[str],
) -> None:
    game, account = bet_on_home(day, (0, 0, 1, 0))
    before = balance(day, account)
    day.publish_all(publisher)
    assert watch(day).differing == []
    assert counted(day, "result_differs_from_facts") == 0

    day.facts[0] = replace(day.facts[0], score=Score(0, 0, 1, 1))
    assert [one.name for one in watch(day).differing] == [game.name]
    assert counted(day, "result_differs_from_facts") == 1
    assert "result.differs" in capsys.readouterr().out

    shown = command("correct", game.name)
    assert shown.returncode == 0, shown.stderr
    assert "published: PLAYED 1-0 (half-time 0-0), final at" in shown.stdout
    assert "correction: PLAYED 1-1 (half-time 0-0)" in shown.stdout
    assert f"0.00; single bets: 1 with stakes of {tokens(STAKE)}, " in shown.stdout
    assert "not sent" in shown.stdout
    stranger = command("correct", game.name, "--send", key=RESULT_SIGNERS[0])
    assert stranger.returncode == 2
    assert "ARBITER_KEY is the key of 0x" in stranger.stderr
    assert f"whose arbiter is {key_address(OWNER)}" in stranger.stderr
    arbiter = key_address(OWNER)
    node = day.house.node
    node.set_balance(arbiter, 1)
    penniless = command("correct", game.name, "--send")
    assert penniless.returncode == 2
    assert f"the account of ARBITER_KEY, {arbiter}, has 0.000000 of" in penniless.stderr
    assert "send it some" in penniless.stderr
    node.set_balance(arbiter, 10**20)
    sent = command("correct", game.name, "--send")
    assert sent.returncode == 0, sent.stderr
    day.land()
    assert watch(day).differing == []
    assert counted(day, "result_differs_from_facts") == 0
    again = command("correct", game.name, "--send")
    assert (again.returncode, "is what the facts say" in again.stderr) == (2, True)
    finish(day, settler)
    assert balance(day, account) == before


def test_score_corrected_after_it_is_final_stands_and_alarms(
    day: MatchDay, publisher: Publisher, settler: Settler, command: Run
) -> None:
    game, account = bet_on_home(day, (0, 0, 1, 0))
    before = balance(day, account)
    day.publish_all(publisher)
    finish(day, settler)
    day.facts[0] = replace(day.facts[0], score=Score(0, 0, 1, 1))
    found = watch(day)
    assert (found.differing, len(found.differing_finally)) == ([], 1)
    assert counted(day, "final_result_differs_from_facts") == 1
    refused = command("correct", game.name, "--send")
    assert (refused.returncode, "it stands" in refused.stderr) == (2, True)
    assert balance(day, account) == before + 2 * STAKE


def test_fixture_is_void_by_command_whatever_the_facts_say(
    day: MatchDay, publisher: Publisher, settler: Settler, command: Run
) -> None:
    game, account = bet_on_home(day, (0, 0, 0, 1))
    before = balance(day, account)
    shown = command("show", game.name)
    assert f"0.00; single bets: 1 with stakes of {tokens(STAKE)}, 0 void;" in shown.stdout
    done = command("void", game.name, "--reason", "wrong venue", "--yes")
    assert done.returncode == 0, done.stderr
    assert f"{tokens(STAKE)}; single bets: 1 with stakes of {tokens(STAKE)}, 1 void;" in done.stdout
    with day.engine.connect() as connection:
        status = connection.execute(text("SELECT status FROM backend.fixture")).scalar_one()
    assert status == "void", "no bet is accepted any more"
    assert publisher.publish(day.facts, day.house.now_s()) == 1, "before the start, at once"
    day.land()
    finish(day, settler)
    assert balance(day, account) == before + STAKE


def test_published_match_is_abandoned_by_command_then_corrected(
    day: MatchDay, publisher: Publisher, settler: Settler, command: Run
) -> None:
    game, account = bet_on_home(day, (0, 0, 1, 0))
    before = balance(day, account)
    day.publish_all(publisher)
    words = ("--minute", "63", "--score", "1-0", "--half", "0-0", "--reason", "floodlights")
    done = command("abandon", game.name, *words, "--yes")
    assert done.returncode == 0, done.stderr
    assert len(watch(day).differing) == 1
    assert command("correct", game.name, "--send").returncode == 0
    day.land()
    assert watch(day).differing == []
    finish(day, settler)
    assert balance(day, account) == before + STAKE


def test_match_is_not_abandoned_before_it_can_have_been(
    day: MatchDay, publisher: Publisher, command: Run
) -> None:
    game, _ = bet_on_home(day, None)
    words = ("--minute", "60", "--score", "2-0", "--half", "0-0", "--reason", "typo", "--yes")
    for at_s, said in (
        (game.starts_at_s - 600, "use `void` if it will not be played"),
        (game.starts_at_s + 58 * 60, "minute 60 is not before"),
    ):
        day.travel_to(at_s)
        done = command("abandon", game.name, *words)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
        assert publisher.publish(day.facts, day.house.now_s()) == 0
    moved_s = game.starts_at_s + 2 * 3_600
    day.facts[0] = replace(day.facts[0], starts_at_s=moved_s)
    day.travel_to(game.starts_at_s + 3_600)
    assert command("abandon", game.name, *words).returncode == 2, "it starts later now"
    day.facts[0] = replace(day.facts[0], starts_at_s=game.starts_at_s)
    done = command("abandon", game.name, *words)
    assert done.returncode == 0, done.stderr
    assert "recorded: the worker publishes it now" in done.stdout
    assert publisher.publish(day.facts, day.house.now_s()) == 1


def test_retraction_says_what_becomes_of_a_published_result(
    day: MatchDay, publisher: Publisher, command: Run
) -> None:
    game, _ = bet_on_home(day, (0, 0, 2, 0))
    over_s = game.starts_at_s + MATCH_LENGTH_S
    day.travel_to(over_s - DISPUTE_WINDOW_S - 120)
    words = ("--minute", "30", "--score", "1-0", "--reason", "another match", "--yes")
    assert command("abandon", game.name, *words).returncode == 0
    assert publisher.publish(day.facts, day.house.now_s()) == 1
    in_flight = command("retract", game.name)
    assert "in a transaction already" in in_flight.stdout, in_flight.stderr
    day.land()

    # Final before the facts decide.
    assert command("abandon", game.name, *words).returncode == 0
    refused = command("retract", game.name).stdout
    assert "retracted. The published ABANDONED_BEFORE_HALF_TIME 1-0" in refused
    assert "use `void`, then `correct --send`" in refused
    assert f"only from {utc(over_s)}" in refused
    assert refused.count("is final at") == 1
    refused = command("correct", game.name).stderr
    assert f"the facts count only from {utc(over_s)} (played)" in refused
    assert "use `void`, then `correct --send`" in refused

    # What it recommends works, and the ruling is named as the operator's.
    day.travel_to(over_s - 300)
    done = command("void", game.name, "--reason", "wrong match", "--yes")
    assert "`correct --send` replaces the published ABANDONED_BEFORE_HALF_TIME 1-0" in done.stdout
    assert command("correct", game.name, "--send").returncode == 0
    day.land()
    again = command("correct", game.name).stderr
    assert "is what the operator decided" in again

    # The ruling began the window again, so that the facts decide before it ends.
    day.travel_to(over_s)
    assert "`correct --send` replaces it" in command("retract", game.name).stdout
    day.travel_to(over_s + DISPUTE_WINDOW_S)
    assert command("void", game.name, "--reason", "late", "--yes").returncode == 2


def test_retracted_decision_lets_the_facts_count_again(
    day: MatchDay, publisher: Publisher, command: Run
) -> None:
    game, _ = bet_on_home(day, (0, 0, 1, 0))
    assert command("void", game.name, "--reason", "mistaken", "--yes").returncode == 0
    assert "VOID" in command("list").stdout
    assert command("show", f"0x{game.market.fixture.hex()[:6]}").stdout.startswith(game.name)
    assert command("retract", game.name).returncode == 0
    assert "PLAYED 1-0" in command("list").stdout
    assert day.publish_all(publisher) == 1
    assert watch(day).differing == []


def test_commands_refuse_what_cannot_be(day: MatchDay, command: Run) -> None:
    day.travel_to(day.house.now_s())
    # Its facts are known before it is opened.
    day.facts.append(facts("Early v Late", day.start_s, None))
    listed = command("list")
    assert listed.stdout == ("no fixture is open: `python -m backend.markets open` opens them\n"), (
        listed.stderr
    )
    day.game(None)
    abandon = ("abandon", "Home", "--minute", "30", "--score", "1-0", "--reason", "x", "--yes")
    for arguments, said in (
        (("void", "Nobody", "--reason", "x", "--yes"), "0 fixtures"),
        (("show", "0xfffffffffffffff"), "0 fixtures"),
        ((*abandon, "--half", "0-0"), "no half-time score yet"),
        (("correct", "Home"), "no published result yet"),
        (("retract", "Home"), "no decision"),
    ):
        done = command(*arguments)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
        assert "Traceback" not in done.stderr


def test_refused_line_is_counted_and_the_others_are_published(
    day: MatchDay, publisher: Publisher, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(10):
        day.game((0, 0, 1, 0))
    path = tmp_path / "facts.csv"
    write_facts(path, day.facts)
    lines = path.read_text().splitlines()
    lines[4] = lines[4].replace(",0,0,1,0", ",,,1,0")
    path.write_text("\ufeff" + "\n".join(lines))
    read = read_facts(path)
    day.travel_to(day.start_s + MATCH_LENGTH_S)
    assert publisher.publish(read.fixtures, day.house.now_s()) == 9
    watch(day, read)
    assert counted(day, "facts_rows_refused") == 1
    said = capsys.readouterr().out
    assert "facts.row_refused" in said
    assert "home_half: is empty" in said
    assert lines[4] in said
    assert counted(day, "fixture_missing_from_facts") == 1
    watch(day)
    assert counted(day, "facts_rows_refused") == 0


def test_fixture_without_a_result_is_late(day: MatchDay) -> None:
    game = day.game(None)
    day.travel_to(game.starts_at_s + MATCH_LENGTH_S + LATE_AFTER_S - 60)
    assert watch(day).late == []
    day.travel_to(game.starts_at_s + MATCH_LENGTH_S + LATE_AFTER_S)
    assert len(watch(day).late) == 1
    assert counted(day, "fixture_without_result") == 1


def test_match_that_starts_early_is_late_by_when_it_is_over() -> None:
    """It is over at the announced start, if it began early enough, and not two hours after that."""
    facts = FixtureFacts("League", "2024-25", "1", 100_000 - 3 * 3_600, "A", "B", None)
    verdict = Verdict("the half-time score is unknown: the operator has to decide")
    judged = Judged(bytes(16), "A v B", 100_000, facts, verdict, published=None, sent=False)
    assert find([judged], (), 100_000 + LATE_AFTER_S - 1).late == []
    assert find([judged], (), 100_000 + LATE_AFTER_S).late == [judged]


def test_file_that_cannot_be_read_is_counted(day: MatchDay) -> None:
    day.travel_to(day.house.now_s())
    FactsWatch(day.engine).unreadable(day.house.now_s())
    assert counted(day, "facts_unreadable") == 1
    watch(day)
    assert counted(day, "facts_unreadable") == 0


KINDS = [
    (Kind.MATCH_RESULT, 0),
    (Kind.BOTH_TEAMS_TO_SCORE, 0),
    (Kind.TOTAL_GOALS, 6),
    (Kind.TOTAL_GOALS, 9),
    (Kind.ASIAN_HANDICAP, -3),
]


@given(
    kind=st.sampled_from(KINDS),
    outcome=st.integers(0, 1),
    status=st.sampled_from(list(ResultStatus)[:4]),
    half=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    more=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    settled_s=st.sampled_from([999, 1_000, 8_200]),
)
def test_shown_payouts_follow_the_rule_of_the_contract(
    kind: tuple[Kind, int],
    outcome: int,
    status: ResultStatus,
    half: tuple[int, int],
    more: tuple[int, int],
    settled_s: int,
) -> None:
    if status is ResultStatus.ABANDONED_BEFORE_HALF_TIME:
        more = (0, 0)
    market = MarketId(bytes(16), 1_000, kind[0], line_q=kind[1])
    score = Score(*half, half[0] + more[0], half[1] + more[1])
    goals = (score.home_half, score.away_half, score.home_full, score.away_full)
    result = Result(bytes(16), status, *goals, settled_s)
    published = PublishedResult(status, score, settled_s, 9_000, 9_600)
    expected = leg_fraction(market, outcome, 0, published, 9_600, VOID_AFTER_S)
    assert earns(market, outcome, result) == expected
    bet = OpenBet(market, outcome, 20_000, 100, 1)
    assert expected is not None
    assert pays([bet], result).payouts_micro == 100 * expected.win + 50 * expected.refund
