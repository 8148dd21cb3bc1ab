"""`python -m indexer verify` names a row of the mirror that differs from the contracts: tampered
rows, each kind.

Branches: false share rows · a commission rate that is missing · each other kind of row · the window
of nonces that it compares.
"""

from __future__ import annotations

import pytest

from indexer.errors import IndexerError
from indexer.ops.verify import nonce_window
from tests.indexer.mirror import Mirror


def test_verify_reports_false_share_rows(mirror: Mirror) -> None:
    mirror.catch_up()
    mirror.rows("UPDATE mirror.share_transfer SET shares = 0 RETURNING 1")
    mirror.rows(
        "UPDATE mirror.share_transfer SET shares = 1000000, receiver = '0x' || repeat('0', 40),"
        " sender = '0x' || repeat('1', 40)"
        " WHERE (block, log_index) ="
        " (SELECT block, log_index FROM mirror.share_transfer ORDER BY 1, 2 LIMIT 1) RETURNING 1"
    )
    assert mirror.rows("SELECT enter_micro FROM mirror.share_price") == [(None,)]
    assert "shares" in (mirror.difference() or "")
    mirror.rows("UPDATE mirror.deployment SET commission_bps = NULL RETURNING 1")
    with pytest.raises(IndexerError, match="python -m indexer run"):
        mirror.difference()


@pytest.mark.parametrize("shared_house", ["anvil"], indirect=True)
@pytest.mark.parametrize(
    ("tamper", "named"),
    [
        (
            "UPDATE mirror.balance SET balance_micro = balance_micro + 1 WHERE account = 2",
            "account 2",
        ),
        ("DELETE FROM mirror.bet WHERE account = 1", "account 1"),
        ("UPDATE mirror.book SET locked_micro = locked_micro + 1", "the book"),
        ("UPDATE mirror.exposure SET payout_0_micro = payout_0_micro + 1", "exposure"),
        ("UPDATE mirror.batch SET records = records || '\\x00'::bytea WHERE batch = 2", "batch 2"),
        ("UPDATE mirror.batch SET open_bets = 1 WHERE batch = 2", "batch 2"),
        ("UPDATE mirror.result SET away_full = 7", "result"),
        ("DELETE FROM mirror.exit_request", "exit"),
        ("UPDATE mirror.exclusion SET until_s = until_s + 1", "restriction"),
        ("UPDATE mirror.cancellation SET last_nonce = last_nonce + 1", "account 4"),
        ("DELETE FROM mirror.cancellation WHERE account = 8", "restriction of account 8"),
        ("DELETE FROM mirror.relay WHERE account = 12", "relayed requests of account 12"),
        ("DELETE FROM mirror.key_retirement", "the key"),
        ("UPDATE mirror.key_grant SET role = 2 WHERE role = 3", "the key"),
        ("UPDATE mirror.key_grant SET budget_micro = budget_micro + 1", "the key"),
        ("UPDATE mirror.limits SET receipt_reserve_micro = 0", "the limits"),
        ("UPDATE mirror.fixture SET term = 2", "council's term of fixture"),
        ("UPDATE mirror.council SET threshold = 1", "the council of term"),
        ("UPDATE mirror.council SET arbiter = '0x01' WHERE term = 1", "the council of term 1"),
        (
            "UPDATE mirror.council SET signers[1] = '0x' || repeat('1', 40) WHERE term = 2",
            "of term 2",
        ),
        ("DELETE FROM mirror.council WHERE term = 2", "council's term"),
        ("UPDATE mirror.book SET accumulators_micro = accumulators_micro + 1", "the book"),
        ("UPDATE mirror.book SET owed_micro = owed_micro + 1", "the book"),
        ("UPDATE mirror.book SET paused = NOT paused", "pause"),
        ("DELETE FROM mirror.movement WHERE kind = 'withdrawal'", "account 2"),
        ("UPDATE mirror.batch SET records = set_byte(records, 14, 9) WHERE batch = 2", "batch 2"),
        ("DELETE FROM mirror.share_transfer WHERE block > 11", "shares"),
        ("DELETE FROM mirror.account WHERE account = 3", "number of accounts"),
        ("UPDATE mirror.deployment SET head_hash = '\\x11'", "no longer on the chain"),
    ],
)
def test_verify_names_the_difference(mirror: Mirror, tamper: str, named: str) -> None:
    mirror.catch_up()
    mirror.rows(f"{tamper} RETURNING 1")
    try:
        difference = mirror.difference()
    except IndexerError as error:
        difference = str(error)
    assert difference is not None
    assert named in difference


def test_nonce_window_has_the_eight_below_the_highest() -> None:
    assert nonce_window(0, []) == 0b1111_1111
    assert nonce_window(1, [1]) == 0b1111_1111
    assert nonce_window(2, [2]) == 0b1111_1110
    assert nonce_window(12, [1, 10, 12]) == 0b10
    assert nonce_window(9, [9]) == 0
    assert nonce_window(8, [8]) == 0b1000_0000
    assert nonce_window(9, [9], 3) == 0b1110_0000
    assert nonce_window(9, [], 9) == 0b1111_1111
