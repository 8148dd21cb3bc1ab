"""Each waiting slip is placed once on the real contract, even if a process dies.

Branches: placed with its terms, also accumulators and two accounts · nothing waits · too young ·
forged signature skipped, the rest placed · signature of a contract wallet · not sent again after a
skip · placing paused · accepted ahead of the chain · receipt window over · nonces in any order ·
concurrent flushes · reorg after placing · whole batch reverts on the chain · key that is no
operator. What no batch can place any more is in test_flush_enforcing.py; that a process is killed
between flush and delivery is in test_worker.py and test_killed_process.py.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text

from backend.batching.policy import BatchPolicy
from backend.batching.service import Batcher, Flushed, OperatorUnknown
from backend.transactions.delivery import Delivery
from backend.transactions.errors import CallReverted
from backend.transactions.node import Node
from protocol.limits import NONCE_WINDOW
from protocol.placed_event import SkipReason
from tests.backend.batching.conftest import WINDOWS, make_batcher
from tests.backend.batching.flushing import Land, game, placed, skips, submissions
from tests.support.accepted_slips import accept, deployment_of
from tests.support.compiled import compiled
from tests.support.house import OWNER, House
from tests.support.mirror import follow
from tests.support.nodes import CHAIN_ID
from tests.support.people import key_address, stranger_key
from tests.support.terms import RECEIPT_WINDOW_S, UNIT


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
