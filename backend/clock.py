"""Compares a clock with the chain's, and chooses the time that a receipt states; pure."""

from __future__ import annotations


def acceptance_s(now_s: int, head_s: int) -> int:
    """The time of acceptance that the contract takes for certain, whoever's clock is wrong: no
    later than the newest block, since the block that places the slip must not be earlier."""
    return min(now_s, head_s)


def skew_refused(now_s: int, head_s: int, max_skew_s: int) -> str | None:
    """Why nothing can be accepted at these times of the clock and of the newest block in the
    mirror; None when they are close enough."""
    ahead_s = now_s - head_s
    if ahead_s > max_skew_s:
        # What the chain has done since, exits above all, would be missed.
        return (
            f"This server's clock is {ahead_s} s ahead of the newest block that the mirror has: the"
            " clock is wrong, the indexer is behind, the chain stands still, or it is a local one,"
            " which needs CLOCK=chain. Nothing is accepted while the difference is more than"
            f" {max_skew_s} s."
        )
    if -ahead_s > max_skew_s:
        return (
            f"This server's clock is {-ahead_s} s earlier than the newest block; set the clock."
            f" Nothing is accepted while the difference is more than {max_skew_s} s."
        )
    return None
