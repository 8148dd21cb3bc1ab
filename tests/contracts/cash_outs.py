"""Builds offers of cash-outs, and reads what a partial one leaves."""

from __future__ import annotations

from dataclasses import replace

from protocol.placed_event import unpack_batch
from protocol.records import with_stake
from protocol.typed_data import CashOut
from tests.support.terms import UNIT


def offer_to(bettor, number, at_s, **changes):
    """An offer of a unit for all of the bet of `one`, without an end."""
    return replace(CashOut(bettor.account, number, 0, 10 * UNIT, UNIT, at_s, 2**40 - 1), **changes)


def rest_of(tx):
    """The batch of what is left, as the event has it."""
    said = tx.events["CashedOut"]
    return said["next"], unpack_batch(
        bytes(said["markets"]), with_stake(bytes(said["record"]), said["rest"])
    )
