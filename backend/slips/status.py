"""Derives the status of a slip from what the mirror shows of it; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from protocol.placed_event import SkipReason


def status_of(row: Mapping[str, Any]) -> str:
    """The status in words, from a row of `backend.mirror.slips`."""
    if row["as_receipt"]:
        return "placed"
    if row["batch"] is not None or row["reason"] is not None:
        return "refused"
    if row["expired"]:
        return "expired"
    return "submitted" if row["submitted"] else "accepted"


def reason_of(row: Mapping[str, Any]) -> str:
    """Why a slip is refused. A bet at other terms has its nonce: whatever a batch said before, it
    is that bet which its owner can have replaced."""
    reason = SkipReason.NONCE_USED if row["batch"] is not None else SkipReason(row["reason"])
    return reason.name.lower().replace("_", "-")
