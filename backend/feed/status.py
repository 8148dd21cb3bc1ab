"""Names what may have become of a fixture according to the facts."""

from __future__ import annotations

from enum import StrEnum


class FactStatus(StrEnum):
    """docs/rules.md says which bets count in each case. MOVED is SCHEDULED with a note that the
    start has changed. The goals of an AWARDED match are the award, those of an ABANDONED one the
    score at its minute."""

    SCHEDULED = "scheduled"
    MOVED = "moved"
    POSTPONED = "postponed"
    LIVE = "live"
    PLAYED = "played"
    AWARDED = "awarded"
    ABANDONED = "abandoned"
    CANCELLED = "cancelled"

    @property
    def accepts_bets(self) -> bool:
        """Whether the match has yet to start."""
        return self in (FactStatus.SCHEDULED, FactStatus.MOVED)


WITH_GOALS = frozenset({FactStatus.PLAYED, FactStatus.AWARDED, FactStatus.ABANDONED})
"""Statuses whose rows have a score; the others have none that counts."""
