"""Turns the events of results into rows: publications, disputes, bonds and councils."""

from __future__ import annotations

from indexer.decode import events as ev
from indexer.mirror.range_rows import Handlers, RangeRows, address_of
from indexer.mirror.tables import BondPayment, Council, Dispute, ResultChange


def results_set(rows: RangeRows, logged: ev.Logged, event: ev.ResultsSet) -> None:
    kind = "corrected" if event.published_at_s is None else "published"
    times = (event.published_at_s, event.final_at_s)
    for seq, result in enumerate(event.results):
        rows.changes.fixtures.add(result.fixture)
        if event.published_at_s is not None:
            rows.changes.first_seen.setdefault(result.fixture, (logged.block, logged.log_index))
        rows.add(ResultChange, *rows.at(logged), seq, kind, *result, *times)


def disputed(rows: RangeRows, logged: ev.Logged, event: ev.ResultDisputed) -> None:
    rows.changes.fixtures.add(event.fixture)
    absent = (None,) * 7
    rows.add(
        ResultChange,
        *(*rows.at(logged), 0, "disputed", event.fixture, *absent, event.final_at_s),
    )
    terms = (event.fixture, address_of(event.by), event.bond_micro)
    rows.add(Dispute, *rows.at(logged), *terms, None)


def dispute_closed(rows: RangeRows, logged: ev.Logged, event: ev.DisputeClosed) -> None:
    terms = (event.fixture, address_of(event.by), event.bond_micro)
    rows.add(Dispute, *rows.at(logged), *terms, event.refunded)


def bonds_paid(rows: RangeRows, logged: ev.Logged, event: ev.BondsPaid) -> None:
    rows.add(BondPayment, *rows.at(logged), address_of(event.to), event.amount_micro)


def council_set(rows: RangeRows, logged: ev.Logged, event: ev.CouncilSet) -> None:
    signers = "{" + ",".join(map(address_of, event.signers)) + "}"
    rows.add(
        Council,
        *(*rows.at(logged), signers, event.threshold, address_of(event.arbiter)),
        *(event.from_s, event.term),
    )


RESULT_HANDLERS: Handlers[RangeRows] = {
    ev.ResultsSet: results_set,
    ev.ResultDisputed: disputed,
    ev.DisputeClosed: dispute_closed,
    ev.BondsPaid: bonds_paid,
    ev.CouncilSet: council_set,
}
