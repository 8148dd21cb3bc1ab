"""Limits how often the same log line is written; pure: it is handed the clock."""

from __future__ import annotations

REPEAT_AFTER_S = 60.0


class LogLimit:
    """Allows a line when its content has changed, and otherwise once per minute."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[object, float]] = {}

    def allows(self, name: str, content: object, now: float) -> bool:
        """Whether to log a line of this name now; `now` is in seconds of any clock."""
        last = self._last.get(name)
        if last is not None and content == last[0] and now - last[1] < REPEAT_AFTER_S:
            return False
        self._last[name] = (content, now)
        return True

    def forget(self, name: str) -> None:
        """Allow the next line of this name, whatever its content."""
        self._last.pop(name, None)
