"""Turns the events of accounts into rows: deposits, withdrawals, exits, restrictions, relays."""

from __future__ import annotations

from indexer.decode import events as ev
from indexer.mirror.range_rows import Handlers, RangeRows, address_of
from indexer.mirror.tables import Account, Cancellation, Exclusion, ExitChange, Relay


def opened(rows: RangeRows, logged: ev.Logged, event: ev.AccountOpened) -> None:
    rows.changes.balances[event.account] += 0
    rows.add(
        Account,
        rows.deployment,
        event.account,
        address_of(event.owner),
        logged.block,
        logged.log_index,
    )


def deposited(rows: RangeRows, logged: ev.Logged, event: ev.Deposited) -> None:
    rows.move(logged, event.account, "deposit", event.amount_micro)


def withdrawn(rows: RangeRows, logged: ev.Logged, event: ev.Withdrawn) -> None:
    account, amount_micro, deadline_s = event.withdrawal
    rows.move(logged, account, "withdrawal", -amount_micro, by_exit=deadline_s == 0)


def exit_requested(rows: RangeRows, logged: ev.Logged, event: ev.ExitRequested) -> None:
    rows.changes.exit_accounts.add(event.account)
    rows.add(ExitChange, *rows.at(logged), *event)


def excluded(rows: RangeRows, logged: ev.Logged, event: ev.SelfExcluded) -> None:
    rows.add(Exclusion, *rows.at(logged), *event)


def nonces_cancelled(rows: RangeRows, logged: ev.Logged, event: ev.NoncesCancelled) -> None:
    rows.add(Cancellation, *rows.at(logged), *event)


def relayed(rows: RangeRows, logged: ev.Logged, event: ev.Relayed) -> None:
    account, number, fee_micro, sender = event
    rows.add(
        Relay,
        *(rows.deployment, account, number, logged.block, logged.log_index),
        *(fee_micro, address_of(sender)),
    )
    if fee_micro:
        rows.move(logged, account, "fee", -fee_micro)


ACCOUNT_HANDLERS: Handlers[RangeRows] = {
    ev.AccountOpened: opened,
    ev.Deposited: deposited,
    ev.Withdrawn: withdrawn,
    ev.ExitRequested: exit_requested,
    ev.SelfExcluded: excluded,
    ev.NoncesCancelled: nonces_cancelled,
    ev.Relayed: relayed,
}
