"""Turns the events of the house into rows: its money, roles, limits, keys, and shares."""

from __future__ import annotations

from indexer.decode import events as ev
from indexer.mirror.range_rows import Handlers, RangeRows, address_of
from indexer.mirror.tables import (
    Commission,
    HouseMovement,
    KeyGrant,
    KeyRetirement,
    Limits,
    RoleChange,
    ShareApproval,
    ShareMovement,
    ShareTransfer,
)

PAUSED_ROLE = "paused"


def funded(rows: RangeRows, logged: ev.Logged, event: ev.HouseFunded) -> None:
    rows.changes.book.pool_micro += event.amount_micro
    rows.add(HouseMovement, *rows.at(logged), event.amount_micro, None)


def released(rows: RangeRows, logged: ev.Logged, event: ev.HouseReleased) -> None:
    rows.changes.book.pool_micro -= event.amount_micro
    receiver = address_of(event.receiver)
    rows.add(HouseMovement, *rows.at(logged), -event.amount_micro, receiver)


def role_set(rows: RangeRows, logged: ev.Logged, event: ev.RoleSet) -> None:
    contract, role, subject, value = event
    rows.changes.pause_changed |= role == PAUSED_ROLE
    holder = None if subject is None else address_of(subject)
    rows.add(RoleChange, *rows.at(logged), contract, role, holder, value)


def limits_changed(rows: RangeRows, logged: ev.Logged, event: ev.LimitsChanged) -> None:
    rows.add(Limits, *rows.at(logged), *event)


def key_granted(rows: RangeRows, logged: ev.Logged, event: ev.KeyGranted) -> None:
    rows.add(
        KeyGrant,
        *(rows.deployment, address_of(event.address), logged.block, logged.log_index),
        *(event.role, event.budget_micro, event.from_s),
    )


def key_retired(rows: RangeRows, logged: ev.Logged, event: ev.KeyRetired) -> None:
    address = address_of(event.address)
    rows.add(KeyRetirement, rows.deployment, address, logged.block, logged.log_index)


def commission_moved(rows: RangeRows, logged: ev.Logged, event: ev.CommissionMoved) -> None:
    rows.add(Commission, *rows.at(logged), *event)


def transferred(rows: RangeRows, logged: ev.Logged, event: ev.SharesTransferred) -> None:
    sender, receiver = address_of(event.sender), address_of(event.receiver)
    rows.add(ShareTransfer, *rows.at(logged), sender, receiver, event.shares)


def approved(rows: RangeRows, logged: ev.Logged, event: ev.SharesApproved) -> None:
    owner, spender = address_of(event.owner), address_of(event.spender)
    rows.add(ShareApproval, *rows.at(logged), owner, spender, event.shares)


def bought(rows: RangeRows, logged: ev.Logged, event: ev.SharesBought) -> None:
    sender, owner = address_of(event.sender), address_of(event.owner)
    rows.add(
        ShareMovement,
        *(*rows.at(logged), "deposit", sender, owner, owner),
        *(event.assets, event.shares),
    )


def sold(rows: RangeRows, logged: ev.Logged, event: ev.SharesSold) -> None:
    people = (address_of(p) for p in (event.sender, event.receiver, event.owner))
    rows.add(
        ShareMovement,
        *(*rows.at(logged), "withdrawal", *people),
        *(-event.assets, -event.shares),
    )


HOUSE_HANDLERS: Handlers[RangeRows] = {
    ev.HouseFunded: funded,
    ev.HouseReleased: released,
    ev.RoleSet: role_set,
    ev.LimitsChanged: limits_changed,
    ev.KeyGranted: key_granted,
    ev.KeyRetired: key_retired,
    ev.CommissionMoved: commission_moved,
    ev.SharesTransferred: transferred,
    ev.SharesApproved: approved,
    ev.SharesBought: bought,
    ev.SharesSold: sold,
}
