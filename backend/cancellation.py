"""Knows whether a task should end, also where a library has lost the cancellation."""

from __future__ import annotations

import asyncio


def is_cancelled() -> bool:
    """Whether the task should end. The client of Redis can lose the cancellation itself, when it
    comes while a connection is made: the task would go on, and the process never end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
