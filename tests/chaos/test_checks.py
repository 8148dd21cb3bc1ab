"""The checks of a round notice what they are there for.

Branches of the answers: all as it should be · a receipt without a row · a row that nobody signed ·
a row twice · two receipts · a receipt and a refusal · no answer · a mistake that was accepted · an
internal error. Of the chain: a slip lost, placed twice, left out for a reason that the receipt
does not allow. Of the processes: one that its starter left behind.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from protocol.placed_event import SkipReason
from scripts.chaos.checks import answered, skipped_lawfully, slips_of_table
from scripts.chaos.sent import SentSlip
from scripts.demo import audit
from scripts.demo.bots import Mistake
from scripts.demo.chain_reader import ChainBet, ChainLeg, ChainSkip, History
from scripts.demo.slips import AcceptedSlip, SignedSlip, SlipLeg
from scripts.devnet import process_tree

SLIP = SignedSlip(1, 5, 10**6, 10_000, 2_000_000_000, (), "0x" + "ab" * 65, None)
ROW = ("ab" * 32, "id-1", "cd" * 32, 1_900_000_000, [15_000], 1_500_000, "ef" * 65)
BET = ChainBet(0, 0, SLIP.account, SLIP.nonce, SLIP.stake_micro, 1_900_000_000, ())


def receipt() -> AcceptedSlip:
    found = slips_of_table([SentSlip(SLIP)], [ROW])["id-1"]
    assert found is not None
    return found


def differences(sent: SentSlip, *rows: tuple[Any, ...]) -> list[str]:
    return answered([sent], slips_of_table([sent], rows)).differences


def test_slip_with_one_answer_and_its_row_passes() -> None:
    assert differences(SentSlip(SLIP, [receipt(), receipt()]), ROW) == []
    assert differences(SentSlip(SLIP, refusals=["odds-moved"])) == []
    assert differences(SentSlip(SLIP, [receipt()], ["odds-moved"]), ROW) == []


@pytest.mark.parametrize(
    ("sent", "rows", "words"),
    [
        (SentSlip(SLIP, [receipt()]), [], "row in backend.slip: None"),
        (SentSlip(SLIP, [receipt()]), [ROW, ("99" * 32, "id-2", *ROW[2:])], "signed by nobody"),
        (SentSlip(SLIP, [receipt()]), [ROW, (ROW[0], "id-2", *ROW[2:])], "2 rows"),
        (
            SentSlip(SLIP, [receipt(), replace(receipt(), accepted_at_s=1)]),
            [ROW],
            "different receipts",
        ),
        (SentSlip(SLIP, [receipt()], ["nonce-used"]), [ROW], "refused for nonce-used"),
        (
            SentSlip(SLIP, [receipt()], ["odds-moved"], taken_back=["odds-moved"]),
            [ROW],
            "refused for odds-moved",
        ),
        (SentSlip(SLIP), [], "has no answer"),
        (
            SentSlip(replace(SLIP, mistake=Mistake.EXPIRED), [receipt()]),
            [ROW],
            "in spite of deadline in the past",
        ),
        (SentSlip(SLIP, [receipt()], internal_errors=1), [ROW], "internal error"),
    ],
    ids=[
        *("no row", "unsigned", "twice", "two receipts", "taken for another", "taken back"),
        *("unanswered", "mistake", "error"),
    ],
)
def test_what_is_wrong_with_an_answer_is_said(
    sent: SentSlip, rows: list[tuple[Any, ...]], words: str
) -> None:
    assert any(words in difference for difference in differences(sent, *rows))


@pytest.mark.parametrize(
    ("reasons", "lawful"),
    [
        ([], False),
        ([SkipReason.NONCE_USED], False),
        ([SkipReason.ACCEPTANCE_OUTSIDE_WINDOW], False),
        ([SkipReason.BALANCE_INSUFFICIENT], True),
        ([SkipReason.ACCEPTANCE_OUTSIDE_WINDOW, SkipReason.EXCLUDED], True),
    ],
)
def test_slip_without_a_bet_needs_a_lawful_reason(reasons: list[SkipReason], lawful: bool) -> None:
    history = History(9)
    history.skips = [ChainSkip(0, SLIP.account, SLIP.nonce, reason) for reason in reasons]
    assert skipped_lawfully(history, [receipt()]).passed == lawful
    history.bets[0, 0] = BET
    assert skipped_lawfully(history, [receipt()]).passed


@pytest.mark.parametrize("bets", [0, 1, 2])
def test_slip_is_one_bet(bets: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AcceptedSlip, "receipt_signer", lambda self, typed: "the house")
    history = History(9)
    legs = (ChainLeg(bytes(32), 1, 15_000),)
    for batch in range(bets):
        history.bets[batch, 0] = replace(BET, batch=batch, legs=legs)
    words = SlipLeg("0x" + "00" * 32, 1, {})
    accepted = replace(receipt(), slip=replace(SLIP, legs=(words,)))
    found = audit.slips_placed(history, [accepted], {}, "the house").differences
    assert found == ([] if bets == 1 else [f"slip 5 of account 1 is {bets} bets on the chain"])


def test_bet_without_a_slip_is_a_difference_unless_a_visitor_made_it() -> None:
    history = History(9)
    history.bets[0, 0] = BET
    history.payouts[0, 0] = [0]
    for visitors in ([], [BET.account]):
        checks = [
            audit.paid_once(history, {}, {}, visitors),
            audit.slips_placed(history, [], {}, "the house", visitors),
        ]
        assert [check.passed for check in checks] == [bool(visitors)] * 2
        assert all(("1 of visitors" in check.looked_at) == bool(visitors) for check in checks)
    history.payouts[0, 0] = [0, 0]
    assert not audit.paid_once(history, {}, {}, [BET.account]).passed


def test_process_that_its_starter_left_behind_is_a_stray(tmp_path: Path) -> None:
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)", str(tmp_path)]
    script = f"import subprocess, time; subprocess.Popen({sleeper!r}); time.sleep(60)"
    starter = subprocess.Popen([sys.executable, "-c", script])
    try:
        until = time.monotonic() + 20
        while not (left := process_tree.descendants(starter.pid)) and time.monotonic() < until:
            time.sleep(0.05)
        assert process_tree.strays(tmp_path, os.getpid()) == []
        starter.kill()
        starter.wait()
        found = process_tree.strays(tmp_path, os.getpid())
        assert [line.split()[0] for line in found] == [str(pid) for pid in left]
    finally:
        starter.kill()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
