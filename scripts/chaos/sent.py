"""Keeps every slip that a bettor signed, with every answer that it got."""

from __future__ import annotations

from dataclasses import dataclass, field

from scripts.demo.slips import AcceptedSlip, SignedSlip


@dataclass(eq=False)
class SentSlip:
    """`receipts` and `refusals` are answers that settle what becomes of it, `delays` the codes of
    those that ask to try again, `taken_back` refusals of what had a receipt before. `waited_s` is
    the time until the bettor had what it asked for."""

    slip: SignedSlip
    receipts: list[AcceptedSlip] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    taken_back: list[str] = field(default_factory=list)
    delays: set[str] = field(default_factory=set)
    requests: int = 0
    internal_errors: int = 0
    waited_s: float = 0.0
