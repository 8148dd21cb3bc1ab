"""The nonces that the backend takes for usable are those that the contract does, by the mirror."""

from __future__ import annotations

import psycopg
from psycopg.rows import dict_row
from sqlalchemy import Engine

from backend.accounts.nonces import Nonces
from backend.accounts.state import AccountState
from backend.mirror.accounts import STATES
from backend.mirror.deployment import deployment_key
from tests.support.accepted_slips import deployment_of
from tests.support.house import House, Wanted
from tests.support.mirror import follow
from tests.support.people import Bettor
from tests.support.slips import Pick, make_market
from tests.support.terms import RECEIPT_WINDOW_S


def nonces_of(engine: Engine, house: House, bettor: Bettor) -> Nonces:
    """The bettor's nonces by the mirror, after a comparison with the contract."""
    follow(engine, house)
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    parameters = {
        **deployment_key(deployment_of(house)),
        "accounts": [bettor.account],
        "receipt_window_s": RECEIPT_WINDOW_S,
    }
    with psycopg.connect(url, row_factory=dict_row) as connection:
        row = connection.execute(STATES.encode(), parameters).fetchone()
    assert row is not None
    assert row.pop("account") == bettor.account
    found = AccountState(**row).nonces(RECEIPT_WINDOW_S)
    for nonce in range(40):
        usable = house.call("Sportsbook", "isUsable", bettor.account, nonce)
        assert (not found.is_used(nonce) and nonce <= found.latest) == usable, nonce
    return found


def test_nonces_are_usable_as_the_contract_says(engine: Engine, house: House) -> None:
    bettor = house.open_account()
    pick = Pick(make_market(starts_at_s=house.now_s() + 86_400), 0)
    assert nonces_of(engine, house, bettor).next == 1
    for nonce, following in ((3, 1), (9, 1), (1, 2), (2, 4), (12, 4), (4, 5), (13, 5)):
        house.place(Wanted(bettor, (pick,), nonce=nonce))
        assert nonces_of(engine, house, bettor).next == following


def test_cancelled_nonces_are_used_when_the_contract_says(engine: Engine, house: House) -> None:
    bettor = house.open_account()
    pick = Pick(make_market(starts_at_s=house.now_s() + 86_400), 0)
    house.place(Wanted(bettor, (pick,), nonce=2))
    house.cancel_nonces(bettor, 11)
    cancelled = nonces_of(engine, house, bettor)
    assert (cancelled.next, cancelled.latest) == (12, 9)
    house.travel(cancelled.cancellation.lifted_at_s - house.now_s() + 1)
    # The next deposit or bet writes it down on the chain.
    house.send("Sportsbook", "depositFor", bettor.address, 1)
    lifted = nonces_of(engine, house, bettor)
    assert (lifted.next, lifted.latest) == (12, 20)
    house.place(Wanted(bettor, (pick,), nonce=20))
    assert nonces_of(engine, house, bettor).next == 12
    house.cancel_nonces(bettor, 21)
    house.travel(RECEIPT_WINDOW_S + 1)
    # A second cancellation writes the first one down, although it reaches less far.
    house.cancel_nonces(bettor, 14)
    assert nonces_of(engine, house, bettor).next == 22
