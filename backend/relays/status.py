"""Derives what became of a relay from its transaction and from the mirror's head; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from backend.fields import Stage
from backend.transactions.tables import TransactionStatus

RelayStatus = Literal["waiting", "sent", Stage, "refused"]

EXPIRED = "expired"
FAILED = "failed"

_ON_ITS_WAY = (TransactionStatus.PREPARED, TransactionStatus.SENT)


def status_of(row: Mapping[str, Any]) -> RelayStatus:
    """The status in words, from a row of `backend.mirror.relays`."""
    found = row["transaction_status"]
    if found == TransactionStatus.MINED:
        stage: Stage = row["stage"]
        return stage if row["shown"] else "sent"
    if found in _ON_ITS_WAY:
        return "sent"
    return "waiting" if reason_of(row) is None else "refused"


def reason_of(row: Mapping[str, Any]) -> str | None:
    """Why it is refused: EXPIRED, FAILED (it reverted on the chain), or the contract's error."""
    found = row["transaction_status"]
    if found == TransactionStatus.FAILED:
        return FAILED
    if found == TransactionStatus.MINED or found in _ON_ITS_WAY:
        return None
    if row["reason"] is not None:
        return str(row["reason"])
    return EXPIRED if row["expired"] else None
