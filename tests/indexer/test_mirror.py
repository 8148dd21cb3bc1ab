"""On both chains, with every event of the contracts: the mirror equals the chain.

Branches: equal to the contracts · every kind of event seen · readers' view of results, exits and
skips, of keys, limits and terms, of decided markets, of replaced bets · nonces that were cancelled
· the share price, with commission due and without, after a loss, of a house that owes more than it
has · a block without events · notified · stopped
half-way and restarted · rebuilt · a backfill that resumes · commands refused while another process
writes · a table with a market of an unknown kind · an exit above every balance · a withdrawal
without a countersignature and one with it. Tampered rows are in test_verify.py.
"""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from indexer.errors import IndexerError
from indexer.mirror.leader import try_lead
from indexer.mirror.tables import EVENT_TABLES, STATE_TABLES
from indexer.service import Indexer
from protocol.market_id import fixture_id
from protocol.placed_event import SkipReason
from protocol.roles import Role
from tests.indexer.mirror import Mirror, Tables
from tests.indexer.season import FIRST, SECOND, SPARE_OPERATOR, SPARE_SIGNER, THIRD, play_more
from tests.support.house import RECEIPT_SIGNER, House
from tests.support.people import key_address
from tests.support.terms import NO_CAP, RECEIPT_BUDGET_MICRO, UNIT

ROLES = {"owner", "pending_owner", "guardian", "paused", "sportsbook"}


def test_mirror_equals_chain_and_has_every_kind_of_event(house: House, mirror: Mirror) -> None:
    mirror.catch_up()
    tables = mirror.tables()
    assert mirror.difference() is None
    assert not [t for t in (*EVENT_TABLES, *STATE_TABLES) if not tables[str(t.__tablename__)]]
    roles = {role for (role,) in mirror.rows("SELECT role FROM mirror.role_change")}
    assert roles == ROLES
    head = house.node.web3.eth.get_block("latest")
    assert mirror.rows("SELECT head_block, head_hash, head_timestamp_s FROM mirror.deployment") == [
        (head["number"], bytes(head["hash"]), head["timestamp"])
    ]


def test_mirror_has_skips_results_and_exits(house: House, mirror: Mirror) -> None:
    mirror.catch_up()
    assert mirror.rows("SELECT account, reason FROM mirror.skip ORDER BY batch, seq") == [
        (2, 5),
        (3, 2),
        (1, 5),
        (4, SkipReason.NONCE_CANCELLED),
        (5, SkipReason.NONCE_TOO_FAR),
    ]
    assert mirror.rows(
        "SELECT home_full, away_full, status, corrected, disputed FROM mirror.result"
        " ORDER BY status DESC, home_full DESC, block"
    ) == [
        (3, 0, 5, False, False),
        (1, 1, 4, False, False),
        (0, 0, 2, False, False),
        (2, 1, 1, True, False),
        (2, 1, 1, False, False),
        (0, 0, 1, True, True),
    ]
    assert mirror.rows("SELECT kind, count(*) FROM mirror.result_change GROUP BY 1 ORDER BY 1") == [
        ("corrected", 2),
        ("disputed", 3),
        ("published", 6),
    ]
    assert mirror.rows("SELECT refunded FROM mirror.dispute ORDER BY block, log_index") == [
        *((None,), (True,), (None,), (False,), (None,), (True,)),
    ]
    assert mirror.rows("SELECT account, amount_micro FROM mirror.exit_request") == [(3, 2**56 - 1)]
    assert mirror.rows(
        "SELECT account, by_exit FROM mirror.movement WHERE kind = 'withdrawal' ORDER BY account"
    ) == [(1, True), (2, False), (11, True)]
    # Only those that have neither batch nor settlement keep their transaction.
    assert mirror.rows(
        "SELECT DISTINCT kind IN ('deposit', 'withdrawal', 'fee'), length(tx_hash)"
        " FROM mirror.movement ORDER BY 1"
    ) == [(False, None), (True, 32)]
    assert mirror.rows("SELECT placed, skipped, open_bets FROM mirror.batch ORDER BY batch") == [
        (5, 2, 0),
        (3, 0, 2),
        (0, 1, 0),
        (1, 0, 1),
        (1, 0, 0),
        (1, 0, 0),
        (2, 2, 2),
        (3, 0, 3),
        (1, 0, 1),
        *[(1, 0, 0), (1, 0, 0), (1, 0, 1)],
        *[(1, 0, 0), (1, 0, 1)],
        (40, 0, 8),
        (14, 0, 5),
    ]
    assert mirror.rows(
        "SELECT s.batch, s.bet, s.payout_micro, b.rest_of FROM mirror.settlement s"
        " JOIN mirror.bet b USING (deployment, batch, bet) WHERE cashed_out OR rest_of IS NOT NULL"
        " ORDER BY s.batch"
    ) == [(1, 3, UNIT // 2, None), (5, 0, UNIT // 3, None), (6, 0, 3 * UNIT // 2, 5)]


def test_mirror_has_keys_limits_and_terms(house: House, mirror: Mirror) -> None:
    mirror.catch_up()
    assert mirror.rows(
        "SELECT address, role, budget_micro, from_s > (SELECT min(from_s) FROM mirror.key_grant),"
        " until_s >= from_s FROM mirror.house_key WHERE budget_micro > 0 AND budget_micro < 2^40"
        " ORDER BY budget_micro"
    ) == [
        (SPARE_OPERATOR, Role.OPERATOR, 7 * UNIT, True, True),
        (SPARE_SIGNER, Role.CASH_OUTS, 8 * UNIT, True, None),
        (key_address(RECEIPT_SIGNER), Role.RECEIPTS, RECEIPT_BUDGET_MICRO, False, None),
    ]
    assert mirror.rows(
        "SELECT market_cap_micro, accumulator_cap_micro, receipt_reserve_micro, from_s IS NULL"
        " FROM mirror.limits ORDER BY block, log_index"
    ) == [
        (NO_CAP, NO_CAP, RECEIPT_BUDGET_MICRO, True),
        (500_000 * UNIT, NO_CAP, RECEIPT_BUDGET_MICRO, False),
        (500_000 * UNIT, NO_CAP, RECEIPT_BUDGET_MICRO, True),
        (NO_CAP, UNIT, RECEIPT_BUDGET_MICRO, False),
    ]
    # The first council decides what was bet on before the second was appointed, and the second
    # what was never bet on.
    terms = dict(mirror.rows("SELECT fixture, term FROM mirror.fixture"))
    assert [terms[f] for f in (fixture_id(FIRST), fixture_id(SECOND), THIRD)] == [1, 1, 2]
    assert mirror.rows("SELECT max(term) FROM mirror.council") == [(2,)]


def test_cancelled_nonces_are_counted_when_the_contract_counts_them(
    house: House, mirror: Mirror
) -> None:
    """What the season leaves behind is of every kind: the mirror equals it, so this states that."""
    mirror.catch_up()
    assert mirror.difference() is None
    states = [house.call("Sportsbook", "accountAt", account)[2:4] for account in range(4, 11)]
    assert states == [
        [5, 0b1111_1110],  # used up to 3, then 5; the newest cancellation is in force
        [9, 0b1111_1111],  # used up to 9, no bet
        [4, 0b1111_1110],  # used up to 2, then 4
        [8, 0b1111_1010],  # used up to 4, then 6 and 8
        [0, 0b1111_1111],  # over, and not counted
        [1, 0b1111_1111],
        [6, 0b1110_0000],  # over, and not counted: the exclusion was within the window
    ]


def test_bet_of_a_receipt_has_the_nonce_of_the_one_that_it_replaced(mirror: Mirror) -> None:
    mirror.catch_up()
    bets = mirror.rows(
        "SELECT b.account, b.nonce, b.batch, b.instead_of, s.payout_micro = b.stake_micro,"
        " s.replaced FROM mirror.bet b LEFT JOIN mirror.settlement s USING (deployment, batch, bet)"
        " WHERE b.account IN (11, 12) ORDER BY b.batch"
    )
    assert bets == [
        (11, 1, 10, None, True, True),
        (11, 1, 11, 10, True, True),
        (11, 1, 12, 11, None, None),
        (12, 1, 13, None, True, True),
        (12, 1, 14, 13, None, None),
    ]
    assert mirror.rows("SELECT account, number, fee_micro FROM mirror.relay ORDER BY block") == [
        (11, 0, 0),
        (11, 1, 0),
        (12, 0, 0),
        (11, 2, UNIT // 10),
    ]


def test_decided_markets_owe_what_their_open_bets_are_paid(mirror: Mirror) -> None:
    """Exactly what settling the rest pays, rounded up by a half where bets are half won."""
    mirror.catch_up()
    rows = mirror.rows(
        "SELECT count(*) FILTER (WHERE owed_micro = 0), count(*) FILTER (WHERE owed_micro ="
        " stakes_micro), count(*) FILTER (WHERE owed_micro < stakes_micro AND owed_micro > 0),"
        " count(*) FILTER (WHERE owed_micro > stakes_micro)"
        " FROM mirror.exposure WHERE marked_block IS NOT NULL AND stakes_micro > 0"
    )
    assert min(rows[0]) > 0
    open_gross = mirror.rows(
        "SELECT count(*) FROM mirror.exposure JOIN mirror.result ON fixture = substr(market, 1, 16)"
        " WHERE stakes_micro > 0 AND marked_block IS NULL AND get_byte(market, 21) = 13"
    )
    assert open_gross == [(1,)]


def test_share_price_equals_the_previews_of_the_bankroll(house: House, mirror: Mirror) -> None:
    def price() -> tuple[int, int]:
        """The commission that is owed, and by how much buying is dearer than selling."""
        mirror.catch_up()
        assert mirror.difference() is None
        rows = mirror.rows(
            "SELECT commission_micro, enter_micro, leave_micro FROM mirror.share_price"
        )
        # The price to buy is rounded up, the price to sell down.
        assert rows[0][1:] == (
            house.call("Bankroll", "previewMint", 10**12),
            house.call("Bankroll", "previewRedeem", 10**12),
        )
        assert rows[0][0] == house.call("Bankroll", "commissionOwed")
        return rows[0][0], rows[0][1] - rows[0][2]

    # Two bets are open, and a new shareholder does not share in what they may lose.
    due, spread = price()
    assert due == 0
    assert spread > 1
    # Ten bets lost: a tenth of what that adds to the highest profit is owed.
    play_more(house, 10)
    due, _ = price()
    house.send("Bankroll", "payCommission")
    assert price()[0] == 0
    last = (
        "SELECT paid_micro, owed_micro FROM mirror.commission ORDER BY block DESC, log_index DESC"
    )
    assert mirror.rows(last)[0] == (due, 0)
    assert due > 0
    # And a loss.
    play_more(house, 3)
    assert price()[0] == 0


def test_share_price_of_a_house_that_owes_more_than_it_has(mirror: Mirror) -> None:
    """The contract never does; the view must not fail for a mirror of false blocks."""
    mirror.catch_up()
    mirror.rows("UPDATE mirror.book SET owed_micro = pool_micro + 5 RETURNING 1")
    assert mirror.rows(
        "SELECT free_micro, leave_micro = div(10^12::numeric, shares + 1000000)"
        " FROM mirror.share_price"
    ) == [(0, True)]


def test_block_without_events_moves_the_head_and_notifies(house: House, mirror: Mirror) -> None:
    mirror.catch_up()
    with psycopg.connect(mirror.url, autocommit=True) as listener:
        listener.execute("LISTEN mirror")
        house.node.mine()
        mirror.catch_up()
        received = list(listener.notifies(timeout=5, stop_after=1))
    head = house.node.web3.eth.block_number
    assert mirror.rows("SELECT head_block FROM mirror.deployment") == [(head,)]
    assert received[0].payload == f'{{"deployment": 1, "head": {head}}}'


def test_indexer_stopped_half_way_resumes_to_the_same_tables(mirror: Mirror) -> None:
    mirror.catch_up()
    whole = mirror.tables()
    for table in ("block", *(t.__tablename__ for t in (*EVENT_TABLES, *STATE_TABLES))):
        mirror.rows(f"DELETE FROM mirror.{table} RETURNING 1")
    mirror.rows(
        "UPDATE mirror.deployment SET head_block = NULL, head_hash = NULL, final_block = NULL,"
        " final_hash = NULL RETURNING 1"
    )
    stops = 0
    while True:
        sync = mirror.restart()
        sync._length.blocks = 3
        if not sync.advance(lambda: False):
            break
        stops += 1
    assert stops > 3
    mirror.catch_up()
    assert mirror.tables() == whole


def test_rebuild_restores_equal_tables(house: House, mirror: Mirror) -> None:
    mirror.catch_up()
    whole = mirror.tables()
    mirror.rows("DELETE FROM mirror.leg WHERE batch = 1 RETURNING 1")
    mirror.rows("UPDATE mirror.balance SET balance_micro = 1 RETURNING 1")
    assert mirror.tables() != whole
    Indexer(mirror.url, [house.node.url], mirror.deployment, mirror.finality).rebuild()
    assert mirror.tables() == whole


def test_backfill_resumes_and_ends_at_the_head(
    house: House, mirror: Mirror, clean: Callable[[], Tables]
) -> None:
    head = house.node.web3.eth.block_number
    mirror.sync._length.blocks = 3
    mirror.sync.advance(lambda: False)
    # Would be overwritten if the same blocks were read again.
    marked = mirror.rows("UPDATE mirror.role_change SET role = 'marked' RETURNING 1")
    indexer = Indexer(mirror.url, [house.node.url], mirror.deployment, mirror.finality)
    assert indexer.backfill() == head
    # Receipts are left to the running indexer.
    mirror.restart().gas.finish(lambda: True)
    whole, found = clean(), mirror.tables()
    kept = mirror.rows("SELECT 1 FROM mirror.role_change WHERE role = 'marked'")
    assert kept == marked != []
    assert {**found, "role_change": []} == {**whole, "role_change": []}
    assert indexer.backfill() == head
    assert mirror.tables() == found


def test_backfill_and_rebuild_are_refused_while_another_writes(
    house: House, mirror: Mirror
) -> None:
    mirror.catch_up()
    whole = mirror.tables()
    indexer = Indexer(mirror.url, [house.node.url], mirror.deployment, mirror.finality)
    with psycopg.connect(mirror.url, autocommit=True) as other:
        assert try_lead(other, mirror.deployment.lock_key)
        for command in (indexer.backfill, indexer.rebuild):
            with pytest.raises(IndexerError, match="an indexer is running"):
                command()
    assert mirror.tables() == whole


def test_batch_with_a_market_of_unknown_kind_is_mirrored(house: House, mirror: Mirror) -> None:
    mirror.catch_up()
    # The batch lists market kind 200; the one bet is on the real market.
    [(markets, legs)] = mirror.rows(
        """SELECT b.markets, (SELECT count(*) FROM mirror.leg l WHERE l.batch = b.batch)
        FROM mirror.batch b WHERE batch = 4"""
    )
    assert bytes(markets)[-5] == 200
    assert legs == 1
