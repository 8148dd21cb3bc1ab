"""Teaches the model what the facts file says, whenever the file changes."""

from __future__ import annotations

from pathlib import Path

import structlog

from backend.feed.facts import FactsInvalid, FixtureFacts
from backend.feed.reading import FactsRead, changed_ns, read_facts
from backend.odds.football import Football

log = structlog.get_logger("odds")


class LearningFacts:
    """The facts file of a process. Raises FactsInvalid if it cannot be read at the start; later it
    keeps what it has until the file can be read again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changed = changed_ns(path)
        self.fixtures: tuple[FixtureFacts, ...] = self._accept(read_facts(path))

    def teach(self, football: Football, now_s: int) -> None:
        """Pass on new facts, if the file has changed."""
        changed = changed_ns(self._path)
        if changed == self._changed:
            return
        self._changed = changed
        try:
            self.fixtures = self._accept(read_facts(self._path))
        except FactsInvalid as error:
            log.error("odds.facts_unreadable", reason=str(error))
            return
        if football.learn(self.fixtures, now_s):
            log.info("odds.facts_learnt", fixtures=len(self.fixtures))

    @staticmethod
    def _accept(read: FactsRead) -> tuple[FixtureFacts, ...]:
        for refusal in read.refusals:
            log.error("odds.facts_refused", line=refusal.line, reason=refusal.reason)
        return read.fixtures
