"""A slip that no batch can place any more is placed by its receipt.

Branches: too old for a batch · batch that is mined too late, or too old when it can be sent · left
out for the reserve, or because the result came first: placed by the receipt, also while placing is
paused · receipt of another key.
"""

from __future__ import annotations

from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from backend.batching.service import Batcher, Flushed
from backend.settlement.reconciliation import reconcile
from backend.transactions.delivery import Delivery
from protocol.outcomes import ResultStatus
from protocol.placed_event import SkipReason
from protocol.signatures import sign
from protocol.typed_data import Result
from tests.backend.batching.flushing import Land, game, placed, skips, submissions
from tests.support.accepted_slips import accept, deployment_of
from tests.support.house import OWNER, House, Wanted
from tests.support.mirror import follow
from tests.support.people import Bettor
from tests.support.slips import Pick, make_market
from tests.support.terms import BATCH_WINDOW_S, RECEIPT_WINDOW_S, UNIT


def kinds(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT kind FROM backend.chain_transaction ORDER BY nonce"))
        return list(rows.scalars())


def assert_reconciled(engine: Engine, house: House) -> None:
    found = reconcile(engine, deployment_of(house), house.now_s(), RECEIPT_WINDOW_S)
    assert found == []


def test_slip_too_old_for_a_batch_is_placed_by_its_receipt(
    engine: Engine, house: House, batcher: Batcher, land: Land
) -> None:
    alice = house.open_account()
    follow(engine, house)
    match = game(engine, house)
    accepted_at_s = house.now_s()
    accept(engine, house, alice, [(match, 0)])
    house.travel(BATCH_WINDOW_S)
    accept(engine, house, alice, [(match, 1)])
    follow(engine, house)
    assert batcher.flush(house.now_s()) == Flushed(batches=1, slips=1, enforced=1)
    assert batcher.flush(house.now_s()).idle
    land()
    assert batcher.flush(house.now_s()).idle
    assert kinds(engine) == ["enforce", "place"]
    assert placed(engine) == [(alice.account, 1), (alice.account, 2)]
    assert skips(engine) == []
    with engine.connect() as connection:
        found = connection.execute(text("SELECT accepted_at_s FROM mirror.bet WHERE nonce = 1"))
        assert found.scalar_one() == accepted_at_s
    assert_reconciled(engine, house)


def test_slip_of_a_batch_that_was_mined_too_late_is_placed_by_its_receipt(
    engine: Engine, house: House, batcher: Batcher, delivery: Delivery, land: Land
) -> None:
    alice = house.open_account()
    follow(engine, house)
    accept(engine, house, alice, [(game(engine, house), 0)])
    assert batcher.flush(house.now_s()).batches == 1
    house.node.hold_blocks()
    delivery.pump()
    house.travel(BATCH_WINDOW_S + 1)
    house.node.release_blocks()
    land()
    assert skips(engine) == [(alice.account, 1, SkipReason.ACCEPTANCE_OUTSIDE_WINDOW)]
    assert batcher.flush(house.now_s()) == Flushed(enforced=1)
    land()
    assert placed(engine) == [(alice.account, 1)]
    assert_reconciled(engine, house)


def test_slip_of_a_batch_that_is_too_old_when_it_can_be_sent_is_placed_by_its_receipt(
    engine: Engine, house: House, batcher: Batcher, land: Land
) -> None:
    alice = house.open_account()
    follow(engine, house)
    accept(engine, house, alice, [(game(engine, house), 0)])
    assert batcher.flush(house.now_s()).batches == 1
    house.travel(BATCH_WINDOW_S + 1)
    with capture_logs() as logged:
        land()
    assert "transaction.too_late" in [entry["event"] for entry in logged]
    assert skips(engine) == []
    assert batcher.flush(house.now_s()) == Flushed(enforced=1)
    land()
    assert placed(engine) == [(alice.account, 1)]
    assert_reconciled(engine, house)


def test_slip_that_a_full_house_leaves_out_is_placed_by_its_receipt(
    engine: Engine, house: House, batcher: Batcher, land: Land
) -> None:
    alice, hostile = house.open_account(), house.open_account()
    follow(engine, house)
    match = game(engine, house)
    accept(engine, house, alice, [(match, 0)], stake_micro=90 * UNIT, odds_e4=10_000_000)
    house.place(fill_of(house, hostile))
    follow(engine, house)
    assert batcher.flush(house.now_s()).slips == 1
    land()
    assert skips(engine) == [(alice.account, 1, SkipReason.EXPOSURE_EXCEEDED)]
    assert batcher.flush(house.now_s()) == Flushed(enforced=1)
    land()
    assert (alice.account, 1) in placed(engine)
    assert_reconciled(engine, house)


def fill_of(house: House, bettor: Bettor) -> Wanted:
    """A bet that takes all of the house's money that batches may lock."""
    stake_micro = 100 * UNIT
    free_micro = house.call("Sportsbook", "releasable")
    market = make_market(starts_at_s=house.now_s() + 3_600, name="Own v Goal, 2030-01-01")
    odds_e4 = (free_micro + stake_micro) * 10_000 // stake_micro
    pick = Pick(market, 0, odds_e4, "Own v Goal, 2030-01-01")
    return Wanted(bettor, (pick,), stake_micro)


def test_slip_accepted_before_the_result_is_placed_by_its_receipt(
    engine: Engine, house: House, batcher: Batcher, land: Land
) -> None:
    alice = house.open_account()
    follow(engine, house)
    match = game(engine, house)
    accept(engine, house, alice, [(match, 0)])
    batcher.flush(house.now_s())
    house.travel(2)
    cancelled = Result(match.market.fixture, ResultStatus.VOID, 0, 0, 0, 0, house.now_s())
    house.publish(cancelled)
    land()
    assert skips(engine) == [(alice.account, 1, SkipReason.MARKET_CLOSED)]
    sportsbook = house.contracts.by_name["Sportsbook"].functions
    house.contracts.transact(OWNER, sportsbook.pausePlacing(True))
    assert batcher.flush(house.now_s()) == Flushed(enforced=1)
    land()
    assert placed(engine) == [(alice.account, 1)]


def test_receipt_of_another_key_is_reported_and_not_sent(
    engine: Engine, house: House, batcher: Batcher
) -> None:
    alice = house.open_account()
    follow(engine, house)
    slip = accept(engine, house, alice, [(game(engine, house), 0)])
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE backend.slip SET receipt_signature = :signature"),
            {"signature": sign(bytes(32), OWNER)},
        )
    house.travel(BATCH_WINDOW_S)
    follow(engine, house)
    with capture_logs() as logs:
        assert batcher.flush(house.now_s()) == Flushed(reverted=1)
    (line,) = [entry for entry in logs if entry["event"] == "slip.not_enforceable"]
    assert "RECEIPT_SIGNER_KEY" in line["reason"]
    assert "grantKey" in line["reason"]
    assert submissions(engine, slip) == 0
