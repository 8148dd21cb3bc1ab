"""Says what a new start does to the bets on a fixture; pure.

docs/rules.md has the same rules in words.
"""

from __future__ import annotations

MOVE_LIMIT_S = 72 * 3_600
"""Bets stand if a match starts at most this long after the announced start."""


def moved_too_far(announced_s: int, start_s: int) -> bool:
    """Whether a match starts so late that its bets are void."""
    return start_s > announced_s + MOVE_LIMIT_S


def closing_s(announced_s: int, start_s: int) -> int:
    """When bets close: at the announced start, or at the new one if that is earlier."""
    return min(announced_s, start_s)


def effect_of_move(announced_s: int, start_s: int) -> str:
    """What a new start means for the bets on a fixture."""
    if start_s < announced_s:
        return "bets close at the new start and stand, unless one is accepted after it: then void"
    if moved_too_far(announced_s, start_s):
        return "more than 72 hours later: bets are void at the announced start"
    return "at most 72 hours later: bets close at the announced start and stand"
