"""Builds the arguments of the contracts' functions that tests call, whatever sends them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from protocol.limits import MAX_TIME_S
from protocol.placed_event import PlacedBatch
from protocol.signatures import compact
from protocol.typed_data import CashOut, Domain, Quote, Result, ResultSheet
from tests.support.batches import run
from tests.support.signing import FIRST_TERM, Pair, sign_pair, sign_raw, sign_sheet


def publish(
    domain: Domain,
    results: Sequence[Result],
    keys: Sequence[bytes],
    *,
    term: int = FIRST_TERM,
    deadline_s: int = MAX_TIME_S,
) -> tuple[Any, ...]:
    """A sheet of results, signed by these keys in their order."""
    sheet = ResultSheet(term, deadline_s, tuple(results))
    words = [result.word() for result in results]
    return words, term, deadline_s, sign_sheet(domain, sheet, keys)


def place_quoted(data: bytes, quote: Quote, signature: Pair) -> tuple[Any, ...]:
    """An unsigned slip and the quote that it is placed at."""
    terms = (quote.account, quote.nonce, quote.max_stake_micro, quote.deadline_s)
    return data, terms, signature


def cash_out(
    domain: Domain, offer: CashOut, batch: PlacedBatch, house_key: bytes, bettor_key: bytes
) -> tuple[Any, ...]:
    """The bet that ends, the price, and the signatures of house and bettor."""
    return (
        run(offer.batch, batch, offer.bet, 1),
        (offer.stake_micro, offer.price_micro, offer.offered_at_s, offer.deadline_s),
        sign_pair(domain, offer, house_key),
        compact(sign_raw(domain, offer, bettor_key)),
    )
