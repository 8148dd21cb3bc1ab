"""Tests how often the same log line is written."""

from __future__ import annotations

from backend.log_limit import REPEAT_AFTER_S, LogLimit


def test_line_is_repeated_when_it_changes_and_once_per_minute() -> None:
    limit = LogLimit()
    assert limit.allows("held", 1, 0.0)
    assert not limit.allows("held", 1, REPEAT_AFTER_S - 1)
    assert limit.allows("held", 2, REPEAT_AFTER_S - 1)
    assert not limit.allows("held", 2, REPEAT_AFTER_S)
    assert limit.allows("held", 2, 2 * REPEAT_AFTER_S - 1)


def test_lines_are_limited_by_name_until_forgotten() -> None:
    limit = LogLimit()
    assert limit.allows("flush_slips", "NodeUnreachable", 0.0)
    assert limit.allows("deliver", "NodeUnreachable", 0.0)
    limit.forget("deliver")
    limit.forget("never logged")
    assert limit.allows("deliver", "NodeUnreachable", 1.0)
    assert not limit.allows("flush_slips", "NodeUnreachable", 1.0)
