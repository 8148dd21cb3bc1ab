"""Compares what an owner was sent with what is so now; pure.

A reader that is slow is sent the newest of each slip and bet, never a queue of what was between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class OwnerView:
    """An owner's account (None while there is none), with slips by id, bets by batch and
    index, and relays by hash, each as it is sent."""

    account: Json | None = None
    slips: Mapping[str, Json] = field(default_factory=dict)
    bets: Mapping[tuple[int, int], Json] = field(default_factory=dict)
    relays: Mapping[str, Json] = field(default_factory=dict)


def message_of(before: OwnerView | None, now: OwnerView) -> Json | None:
    """What a reader is sent that has `before`: everything if that is None; None if nothing has
    changed."""
    if before is None:
        return _message("account", now.account, now, [])
    changed = OwnerView(
        now.account,
        {key: row for key, row in now.slips.items() if before.slips.get(key) != row},
        {key: row for key, row in now.bets.items() if before.bets.get(key) != row},
        {key: row for key, row in now.relays.items() if before.relays.get(key) != row},
    )
    # What is final no longer changes, and is left out after a while. What is not was undone.
    undone = [
        {"batch": batch, "bet": bet}
        for (batch, bet), row in before.bets.items()
        if (batch, bet) not in now.bets and row["stage"] != "final"
    ]
    moved = changed.slips or changed.bets or changed.relays or undone
    if before.account == now.account and not moved:
        return None
    account = now.account if before.account != now.account else None
    return _message("account-change", account, changed, undone)


def _message(kind: str, account: Json | None, rows: OwnerView, undone: list[Json]) -> Json:
    return {
        "type": kind,
        "account": account,
        "slips": list(rows.slips.values()),
        "bets": list(rows.bets.values()),
        "undone_bets": undone,
        "relays": list(rows.relays.values()),
    }
