"""Each waiting slip is placed once on the real contract, even if a process dies.

Branches: placed with its terms, also accumulators and two accounts · nothing waits · too young ·
forged signature skipped, the rest placed · signature of a contract wallet · not sent again after a
skip · placing paused · accepted ahead of the chain · receipt window over · nonces in any order ·
concurrent flushes · reorg after placing · whole batch reverts on the chain · too old for a batch ·
batch that is mined too late · left out for the reserve, or because the result came first: placed by
the receipt, also while placing is paused · receipt of another key · key that is no operator. That a
process is killed between flush and delivery is in test_worker.py and test_killed_process.py.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from backend.batching.policy import BatchPolicy
from backend.batching.service import Batcher, Flushed, OperatorUnknown
from backend.settlement.reconciliation import reconcile
from backend.transactions.delivery import Delivery
from backend.transactions.errors import CallReverted
from backend.transactions.node import Node
from protocol.limits import NONCE_WINDOW
from protocol.outcomes import ResultStatus
from protocol.placed_event import SkipReason
from protocol.signatures import sign
from protocol.typed_data import Result
from tests.backend.batching.conftest import WINDOWS, make_batcher
from tests.support.accepted_slips import Game, accept, deployment_of
from tests.support.compiled import compiled
from tests.support.house import OWNER, House, Wanted
from tests.support.mirror import follow
from tests.support.nodes import CHAIN_ID
from tests.support.people import Bettor, key_address, stranger_key
from tests.support.slips import Pick, make_market
from tests.support.terms import BATCH_WINDOW_S, RECEIPT_WINDOW_S, UNIT

Land = Callable[[], None]


def game(engine: Engine, house: House, number: int = 0, in_s: int = 86_400) -> Game:
    return Game(f"Home {number} v Away {number}, 2030-01-01", house.now_s() + in_s).open(engine)


def placed(engine: Engine) -> list[tuple[int, int]]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT account, nonce FROM mirror.bet ORDER BY 1, 2"))
        return [(row.account, row.nonce) for row in rows]


def skips(engine: Engine) -> list[tuple[int, int, int]]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT account, nonce, reason FROM mirror.skip"))
        return [(row.account, row.nonce, row.reason) for row in rows]


def submissions(engine: Engine, slip: uuid.UUID) -> int:
    with engine.connect() as connection:
        statement = text("SELECT count(*) FROM backend.submission WHERE slip = :slip")
        return int(connection.execute(statement, {"slip": slip}).scalar_one())


def test_slips_are_placed_with_their_terms(
    engine: Engine, house: House, batcher: Batcher, land: Land
) -> None:
    games = [game(engine, house, number) for number in range(3)]
    alice, bob = house.open_account(), house.open_account()
    follow(engine, house)
    accept(engine, house, alice, [(games[0], 0)], stake_micro=3 * UNIT, odds_e4=25_000)
    accept(engine, house, alice, [(games[2], 1)])
    accept(engine, house, bob, [(games[0], 2), (games[1], 1)], odds_e4=15_000)
    assert batcher.flush(house.now_s()) == Flushed(batches=1, slips=3)
    land()
    assert placed(engine) == [(alice.account, 1), (alice.account, 2), (bob.account, 1)]
    balance = house.call("Sportsbook", "accountAt", alice.account)[1]
    assert balance == 1_000 * UNIT - 4 * UNIT
    with engine.connect() as connection:
        payouts = connection.execute(
            text("SELECT payout_max_micro FROM mirror.bet ORDER BY account, nonce")
        ).scalars()
        assert list(payouts) == [7_500_000, 2_000_000, 2_250_000]


def test_flush_prepares_nothing_when_no_slip_waits(
    engine: Engine, house: House, batcher: Batcher, land: Land
) -> None:
    follow(engine, house)
    assert batcher.flush(house.now_s()).idle
    alice = house.open_account()
    follow(engine, house)
    accept(engine, house, alice, [(game(engine, house), 0)])
    batcher.flush(house.now_s())
    assert batcher.flush(house.now_s()).idle
    land()
    assert batcher.flush(house.now_s()).idle
    assert placed(engine) == [(alice.account, 1)]


def test_young_slips_wait_unless_a_batch_is_full(engine: Engine, house: House) -> None:
    patient = make_batcher(engine, house, max_slips=3, max_age_s=60)
    alice = house.open_account()
    follow(engine, house)
    match = game(engine, house)
    for _ in range(2):
        accept(engine, house, alice, [(match, 0)])
    assert patient.flush(house.now_s()).idle
    for _ in range(2):
        accept(engine, house, alice, [(match, 0)])
    assert patient.flush(house.now_s()) == Flushed(batches=1, slips=3)
    assert patient.flush(house.now_s() + 60) == Flushed(batches=1, slips=1)


def test_forged_slip_is_skipped_and_the_rest_is_placed(
    engine: Engine, house: House, batcher: Batcher, land: Land
) -> None:
    alice, bob = house.open_account(), house.open_account()
    follow(engine, house)
    match = game(engine, house)
    accept(engine, house, alice, [(match, 0)])
    accept(engine, house, bob, [(match, 1)], signature=b"\x01" * 64)
    batcher.flush(house.now_s())
    land()
    assert placed(engine) == [(alice.account, 1)]
    assert skips(engine) == [(bob.account, 1, 2)]
    assert batcher.flush(house.now_s()).idle


def test_slip_of_a_contract_wallet_is_placed(
    engine: Engine, house: House, batcher: Batcher, land: Land
) -> None:
    made = compiled()["MockWallet"]
    factory = house.node.web3.eth.contract(abi=made["abi"], bytecode=made["bytecode"])
    owner = key_address(stranger_key(len(house.bettors)))
    wallet = house.contracts.transact(OWNER, factory.constructor(owner))["contractAddress"]
    bettor = house.open_account(address=wallet)
    assert key_address(bettor.key) == owner
    follow(engine, house)
    accept(engine, house, bettor, [(game(engine, house), 0)])
    assert batcher.flush(house.now_s()) == Flushed(batches=1, slips=1)
    land()
    assert placed(engine) == [(bettor.account, 1)]
    assert skips(engine) == []


def test_skipped_slip_is_not_sent_again(
    engine: Engine, house: House, batcher: Batcher, land: Land
) -> None:
    alice = house.open_account(deposit_micro=2 * UNIT)
    follow(engine, house)
    match = game(engine, house)
    slip = accept(engine, house, alice, [(match, 0)], stake_micro=3 * UNIT)
    batcher.flush(house.now_s())
    land()
    assert skips(engine) == [(alice.account, 1, SkipReason.BALANCE_INSUFFICIENT)]
    house.send("Sportsbook", "depositFor", alice.address, 10 * UNIT)
    follow(engine, house)
    assert batcher.flush(house.now_s()).idle
    accept(engine, house, alice, [(match, 1)])
    batcher.flush(house.now_s())
    land()
    assert placed(engine) == [(alice.account, 2)]
    assert submissions(engine, slip) == 1


def test_paused_placing_leaves_slips_waiting(
    engine: Engine, house: House, batcher: Batcher, land: Land
) -> None:
    alice = house.open_account()
    follow(engine, house)
    slip = accept(engine, house, alice, [(game(engine, house), 0)])
    sportsbook = house.contracts.by_name["Sportsbook"].functions
    house.contracts.transact(OWNER, sportsbook.pausePlacing(True))
    with pytest.raises(CallReverted, match="PlacingIsPaused"):
        batcher.flush(house.now_s())
    assert submissions(engine, slip) == 0
    house.contracts.transact(OWNER, sportsbook.pausePlacing(False))
    batcher.flush(house.now_s())
    land()
    assert placed(engine) == [(alice.account, 1)]


def test_slip_accepted_ahead_of_the_chain_waits_for_its_clock(
    engine: Engine, house: House, batcher: Batcher, land: Land
) -> None:
    alice = house.open_account()
    follow(engine, house)
    slip = accept(
        engine, house, alice, [(game(engine, house), 0)], accepted_at_s=house.now_s() + 50
    )
    assert batcher.flush(house.now_s()) == Flushed(held=1)
    assert submissions(engine, slip) == 0
    house.travel(60)
    follow(engine, house)
    batcher.flush(house.now_s())
    land()
    assert placed(engine) == [(alice.account, 1)]
    assert skips(engine) == []


def test_slip_past_its_receipt_window_is_not_sent(
    engine: Engine, house: House, batcher: Batcher
) -> None:
    alice = house.open_account()
    follow(engine, house)
    accept(engine, house, alice, [(game(engine, house), 0)])
    assert batcher.flush(house.now_s() + RECEIPT_WINDOW_S + 1).idle


def test_nonces_of_an_account_are_placed_in_any_order(
    engine: Engine, house: House, land: Land
) -> None:
    alice = house.open_account()
    follow(engine, house)
    late, early = game(engine, house, 1, 900_000), game(engine, house, 2, 3_600)
    accept(engine, house, alice, [(late, 0)], nonce=1)
    accept(engine, house, alice, [(early, 0)], nonce=1 + NONCE_WINDOW)
    make_batcher(engine, house, max_slips=1).flush(house.now_s())
    land()
    assert placed(engine) == [(alice.account, 1), (alice.account, 1 + NONCE_WINDOW)]
    assert skips(engine) == []


def test_concurrent_flushes_send_each_slip_once(engine: Engine, house: House, land: Land) -> None:
    bettors = [house.open_account() for _ in range(6)]
    follow(engine, house)
    match = game(engine, house)
    slips = [accept(engine, house, b, [(match, 0)]) for b in bettors for _ in range(3)]
    now_s = house.now_s()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: make_batcher(engine, house, max_slips=5).flush(now_s), range(4)))
    assert [submissions(engine, slip) for slip in slips] == [1] * 18
    land()
    assert placed(engine) == sorted((b.account, n) for b in bettors for n in (1, 2, 3))
    assert skips(engine) == []


def test_slips_undone_by_a_reorg_are_placed_again_once(
    engine: Engine, house: House, batcher: Batcher, delivery: Delivery, land: Land
) -> None:
    bettors = [house.open_account() for _ in range(2)]
    follow(engine, house)
    match = game(engine, house)
    for bettor in bettors:
        accept(engine, house, bettor, [(match, 0)])
    before = house.node.rpc("evm_snapshot")
    batcher.flush(house.now_s())
    land()
    assert len(placed(engine)) == 2
    house.node.rpc("evm_revert", before)
    house.node.mine()
    follow(engine, house)
    assert placed(engine) == []
    batcher.flush(house.now_s())
    land()
    batcher.flush(house.now_s())
    land()
    assert placed(engine) == [(bettor.account, 1) for bettor in bettors]
    assert {reason for *_, reason in skips(engine)} <= {3}


def test_slips_of_a_failed_transaction_are_sent_again(
    engine: Engine, house: House, batcher: Batcher, delivery: Delivery, land: Land
) -> None:
    alice = house.open_account()
    follow(engine, house)
    slip = accept(engine, house, alice, [(game(engine, house), 0)])
    batcher.flush(house.now_s())
    sportsbook = house.contracts.by_name["Sportsbook"].functions
    house.contracts.transact(OWNER, sportsbook.pausePlacing(True))
    land()
    house.contracts.transact(OWNER, sportsbook.pausePlacing(False))
    with engine.connect() as connection:
        statuses = connection.execute(text("SELECT status FROM backend.chain_transaction"))
        assert list(statuses.scalars()) == ["failed"]
    follow(engine, house)
    batcher.flush(house.now_s())
    land()
    assert submissions(engine, slip) == 2
    assert placed(engine) == [(alice.account, 1)]


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


def test_batches_of_a_key_that_is_no_operator_are_refused_with_what_to_do(
    engine: Engine, house: House
) -> None:
    alice = house.open_account()
    follow(engine, house)
    accept(engine, house, alice, [(game(engine, house), 0)])
    stranger = Batcher(
        *(engine, Node(house.node.url, CHAIN_ID), deployment_of(house), key_address(OWNER)),
        *(BatchPolicy(10, 0), WINDOWS),
    )
    with pytest.raises(OperatorUnknown, match=r"OPERATOR_KEY .* grantKey .* role Operator"):
        stranger.flush(house.now_s())
