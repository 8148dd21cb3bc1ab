"""Derives what became of an offer from its transaction and from the mirror; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from backend.transactions.tables import TransactionStatus

_MAY_TAKE_EFFECT = (TransactionStatus.PREPARED, TransactionStatus.SENT, TransactionStatus.MINED)

Status = Literal["offered", "accepted", "submitted", "paid", "expired", "failed"]


def status_of(row: Mapping[str, Any]) -> Status:
    """The status in words, from a row of `backend.mirror.cash_outs.OFFER`."""
    if row["cashed_out"] and row["payout_micro"] == row["price_micro"]:
        return "paid"
    if row["cashed_out"] is not None:
        # The bet has ended in another way.
        return "failed"
    if row["transaction_status"] in _MAY_TAKE_EFFECT:
        return "submitted"
    if row["transaction_status"] is not None:
        return "failed"
    if row["expired"]:
        return "expired"
    return "offered" if row["owner_signature"] is None else "accepted"
