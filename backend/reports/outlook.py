"""Decides from the worker's report whether bets are accepted and how long they wait; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from backend.problems import NotReady, Problem

# The worker reports every few seconds.
MAX_AGE_S = 20

# The newest report, and the ages of what it says.
REPORT = """
SELECT r.faults, r.delays, r.batch_max_age_s, r.batch_window_s,
       extract(epoch FROM now() - r.reported_at)::float AS age_s,
       coalesce(extract(epoch FROM now() - r.delayed_since), 0)::float AS delayed_s,
       coalesce(extract(epoch FROM now() - r.open_since), 0)::float AS open_s
FROM backend.house_report r
WHERE r.chain_id = %(chain_id)s AND lower(r.sportsbook) = lower(%(sportsbook)s)
"""


class PlacingDelayed(Problem):
    """Accepted slips are not placed now, and another slip might expire before it is placed."""

    status: ClassVar[int] = 503
    code: ClassVar[str] = "placing-delayed"
    title: ClassVar[str] = "Placing delayed"
    extra: ClassVar[Mapping[str, Any]] = {"expected_wait_s": 150}


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the worker reported: faults, delays, how old the report is, how long nothing has been
    mined, how long a slip waits for others, and how old it may be in a batch."""

    faults: Sequence[str]
    delays: Sequence[str]
    age_s: float
    delayed_s: float
    open_s: float
    batch_max_age_s: int
    batch_window_s: int

    @property
    def expected_wait_s(self) -> int:
        """How long a slip that is accepted now will wait to be placed: as long again as what keeps
        the others has lasted, for nobody knows how long it will."""
        return self.batch_max_age_s + int(max(self.delayed_s, self.open_s, 0))

    @property
    def longest_wait_s(self) -> int:
        """The wait above which nothing is accepted: half of the contract's BATCH_WINDOW, so that
        what was accepted before still fits a batch."""
        return max(self.batch_window_s // 2, self.batch_max_age_s)


def missing(outlook: Outlook | None) -> list[str]:
    """Why nothing can be accepted, one sentence each; empty when it can."""
    if outlook is None:
        return ["No worker has reported yet; start celery -A backend.worker worker, and beat."]
    if outlook.age_s > MAX_AGE_S:
        return [
            f"No worker has reported for {outlook.age_s:.0f} s; start celery -A backend.worker"
            " worker, and beat."
        ]
    reasons = list(outlook.faults)
    if outlook.expected_wait_s > outlook.longest_wait_s:
        causes = " ".join(outlook.delays) or "The transactions of the operator are not mined."
        reasons.append(
            f"{causes} A bet would wait {outlook.expected_wait_s} s or longer to be placed; bets"
            f" are refused while that is more than {outlook.longest_wait_s} s."
        )
    return reasons


def check_outlook(outlook: Outlook | None) -> int:
    """How long a bet that is accepted now will wait, in seconds. Raises NotReady, or PlacingDelayed
    when the wait is too long."""
    reasons = missing(outlook)
    if outlook is None or outlook.age_s > MAX_AGE_S or outlook.faults:
        if reasons:
            raise NotReady(" ".join(reasons), retry_after_s=5, missing=reasons)
        raise AssertionError("without a report there is a reason")
    if reasons:
        raise PlacingDelayed(
            " ".join(reasons) + " Try again later.",
            retry_after_s=10,
            expected_wait_s=outlook.expected_wait_s,
        )
    return outlook.expected_wait_s
