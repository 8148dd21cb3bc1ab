"""Keeps phrases out that read like a translation; each stands with what to write instead."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from scripts.devnet.paths import ROOT

SUFFIXES = {".py", ".sol", ".md", ".js", ".mjs", ".html", ".toml", ".yaml"}
THINGS = r"bets?|slips?|batch(?:es)?|runs?|legs?|markets?|fixtures?|results?|transactions?|calls?"
UNITS = rf"{THINGS}|gas|bytes?|rows?|events?|receipts?|requests?|messages?|blocks?|micro-units"

# A pattern, what to write instead, and the files where the words mean something else.
PHRASES: list[tuple[str, str, str]] = [
    (rf"\b(?:{UNITS}) (?-i:an?) (?:{THINGS}|second|minute|request|account)\b", "per", ""),
    (r"\bthe way of (?:a|the)\b", "lifecycle of", ""),
    (r"\bhand(?:s|ed|ing)? in\b", "submit", ""),
    (r"\bthe house takes\b", "the house accepts", ""),
    (r"\bat (?:its|their) (?:most|least)\b", "at the maximum, at the minimum", ""),
    (r"\bthe (?:least|most) (?:stake|odds|payout|gas)\b", "minimum, maximum", ""),
    (r"\bwork(?:s|ed|ing)? out\b", "compute, cache", ""),
    (r"\bmade ready\b", "encoded, prepared", ""),
    (r"\btold\b|\btells? of\b", "reported", ""),
    (r"\b(?:un)?seconded\b", "corroborated", ""),
    (r"\botherwise than\b|\bsays? otherwise\b", "disagrees with", ""),
    (r"\bwaits? for nothing\b", "timed out", ""),
    (r"\b(?:less than|below|above) nothing\b", "negative, positive", ""),
    (r"\bno such thing here\b", "not found", ""),
    (r"\b(?:amount|signature|address|file|number|word) is none\b", "invalid", ""),
    (r"\bis no (?:address|signature|deployment file|number|event|hash)\b", "is not a", ""),
    (r"\bmake no bet\b", "invalid legs", ""),
    (r"\bfall in this order\b", "be in ascending order", ""),
    (r"\blast common\b", "common ancestor", ""),
    (r"\bstand(?:s|ing)? by\b", "standby", ""),
    (r"\b(?:readable|general|short|direct|slow|fast) road\b", "path", ""),
    (r"\bby hand\b", "manually; in assembly", ""),
    (r"\broom\b", "available capacity, space", ""),
    (
        r"\bpromis(?:e|es|ed|ing)\b",
        "accept, commit, guarantee",
        r"\.m?js$|^docs/tutorials/\w+\.md$",
    ),
    (r"\bcertain profit\b", "profit above a high-water mark", ""),
    (r"\bin the place of\b", "instead of", ""),
    (r"\banew\b", "again", ""),
    (r"\bknows? no\b|\bsays? no\b", "does not have, refuses", ""),
    (r"\bways gone\b|\bway of (?:a )?branch\b", "branches covered", ""),
    (r"\bgoes on where\b|\bgo on where\b", "resumes", ""),
    (r"\bbehind (?:the (?!chain|frames|design)|`)", "after, above, past", ""),
    (r"\btak(?:e|es|ing) (?:its|their) time\b", "use the clock of", ""),
    (r"\bthe whole way of\b", "the full lifecycle of", ""),
    (r"\btakes? office\b|\blies? in wait\b", "takes effect", ""),
    (r"\bwhole transactions\b", "including each transaction's base cost", ""),
    (r"\brehearsals?\b", "dry run", ""),
    (r"\bwhat is yours\b", "the values", ""),
    (r"\b(?:live|lives|lived) through\b", "survive", ""),
    (r"\bdoes? no harm\b", "is harmless", ""),
    (r"\bconsistent lies?\b", "consistent false data", ""),
    (r"\bask again\b", "repeat the request", ""),
    (r"\bthe first two give way\b|\bas often as you like\b", "another is used; repeatedly", ""),
    (
        r"\b(?:key|signature|wallet) in DER\b|\bsignature is (?:in DER|of a)\b",
        "DER-encoded; from",
        "",
    ),
    (r"\bspeaks? \w+ alone\b", "serves only", ""),
]
OWNS = re.compile(r'^(?:"""|/\*\* |/// @notice )Owns\b', re.MULTILINE)


def files() -> list[Path]:
    """The project's own files that hold prose."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    found = [ROOT / name for name in listed if Path(name).suffix in SUFFIXES]
    return [path for path in found if path.exists() and path != Path(__file__).resolve()]


def findings(name: str, text: str) -> list[str]:
    """Phrases of a text that do not belong there: line, phrase, what to write."""
    found = []
    for pattern, instead, elsewhere in PHRASES:
        if elsewhere and re.search(elsewhere, name):
            continue
        for hit in re.finditer(pattern, text, re.IGNORECASE):
            line = text.count("\n", 0, hit.start()) + 1
            found.append(f"{name}:{line}: {hit.group()!r}: write {instead}")
    for hit in OWNS.finditer(text):
        line = text.count("\n", 0, hit.start()) + 1
        found.append(f"{name}:{line}: open with a verb that says what the module does")
    return found


def test_no_phrase_reads_like_a_translation() -> None:
    found = [f for path in files() for f in findings(str(path.relative_to(ROOT)), path.read_text())]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    "sentence",
    [
        "Gas a bet, the base cost included",
        "The least stake is 5 micro-units.",
        "Hand in a signed slip.",
        '"""Owns the rows of transactions."""',
        "Other endpoints say otherwise.",
        "The block was seconded.",
        "Write a range behind `base`.",
        "It continues behind the last byte.",
        "The worker takes its time from the chain.",
        "The whole way of a bet.",
        "The first command is a rehearsal.",
        "Worker and beat live through whatever happens.",
        "If the response is lost, ask again.",
        "The path speaks WebSocket alone.",
    ],
)
def test_phrase_that_does_not_belong_is_noticed(sentence: str) -> None:
    assert findings("page.md", sentence) != []


@pytest.mark.parametrize(
    "sentence",
    [
        "Gas per bet, including each transaction's base cost",
        "It takes five seconds.",
        "A second endpoint answers.",
        "The mirror is behind the chain.",
    ],
)
def test_plain_sentence_passes(sentence: str) -> None:
    assert findings("page.md", sentence) == []
