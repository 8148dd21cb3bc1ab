"""Fees and the next step of a transaction are decided correctly for any input."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.transactions.decide import Found, Step, View, off_chain_step, on_chain_step
from backend.transactions.fee_offer import Fees, bumped_fees, first_fees
from backend.transactions.node import Receipt
from backend.transactions.signer import Payload
from backend.transactions.store import Attempt, Standing
from backend.transactions.tables import TransactionKind, TransactionStatus

wei = st.integers(0, 10**13)


@given(base=wei, tip=wei, cap=st.integers(1, 10**13))
def test_first_fees_respect_cap_and_order(base: int, tip: int, cap: int) -> None:
    fees = first_fees(base, tip, cap)
    assert fees.priority_fee_wei <= fees.max_fee_wei <= cap


@given(base=wei, tip=wei, later_base=wei, later_tip=wei, cap=st.integers(1, 10**13))
def test_bumped_fees_are_a_replacement_that_nodes_take(
    base: int, tip: int, later_base: int, later_tip: int, cap: int
) -> None:
    last = first_fees(base, tip, cap)
    fees = bumped_fees(last, later_base, later_tip, cap)
    if fees is None:
        return
    assert fees.priority_fee_wei <= fees.max_fee_wei <= cap
    assert fees.max_fee_wei * 10 >= last.max_fee_wei * 11
    assert fees.priority_fee_wei * 10 >= last.priority_fee_wei * 11


def test_bumped_fees_follow_a_base_fee_that_rises_faster() -> None:
    assert bumped_fees(Fees(30, 2), 100, 5, 10_000) == Fees(205, 5)


def attempt(number: int = 0, created_s: int = 100, cancels: bool = False) -> Attempt:
    return Attempt(number, bytes([number]) * 32, b"", Fees(10, 1), cancels, created_s)


def standing(
    status: TransactionStatus = TransactionStatus.SENT,
    attempts: tuple[Attempt, ...] = (attempt(),),
    cancelled: bool = False,
    confirmed: bool = False,
    block_hash: bytes | None = None,
) -> Standing:
    return Standing(
        id=uuid.UUID(int=1),
        kind=TransactionKind.PLACE,
        payload=Payload(1, 7, "0x" + "00" * 20, b"", 21_000),
        status=status,
        cancelled=cancelled,
        confirmed=confirmed,
        block=None,
        block_hash=block_hash,
        created_s=100,
        attempts=attempts,
    )


def view(mined_nonce: int = 7, head: int = 50, confirmations: int = 5) -> View:
    return View(head, mined_nonce, confirmations)


@pytest.mark.parametrize(
    ("subject", "now_s", "mined_nonce", "step"),
    [
        (standing(TransactionStatus.PREPARED, ()), 100, 7, Step.ATTEMPT),
        (standing(), 109, 7, Step.RESEND),
        (standing(), 110, 7, Step.BUMP),
        (standing(), 110, 6, Step.RESEND),
        (standing(TransactionStatus.MINED), 100, 7, Step.RETURN),
        (standing(TransactionStatus.FAILED), 100, 7, Step.RETURN),
        (standing(TransactionStatus.REPLACED), 100, 7, Step.RETURN),
        (standing(cancelled=True), 100, 7, Step.ATTEMPT),
        (
            standing(attempts=(attempt(), attempt(1, cancels=True)), cancelled=True),
            100,
            7,
            "resend",
        ),
    ],
)
def test_step_of_a_transaction_that_is_not_mined(
    subject: Standing, now_s: int, mined_nonce: int, step: str
) -> None:
    assert off_chain_step(subject, view(mined_nonce), now_s, bump_after_s=10) == step


def found(block: int, block_hash: bytes = b"h") -> Found:
    return Found(attempt(), Receipt(block, block_hash, True, 21_000))


@pytest.mark.parametrize(
    ("subject", "seen", "final_nonce", "step"),
    [
        (standing(), found(50), 0, Step.INCLUDE),
        (standing(TransactionStatus.MINED, block_hash=b"h"), found(50), 0, Step.NOTHING),
        (standing(TransactionStatus.MINED, block_hash=b"h"), found(45), 0, Step.INCLUDE),
        (standing(TransactionStatus.MINED, block_hash=b"g"), found(50), 0, Step.INCLUDE),
        (standing(), None, 7, Step.NOTHING),
        (standing(), None, 8, Step.REPLACE),
        (standing(TransactionStatus.REPLACED), None, 8, Step.NOTHING),
    ],
)
def test_step_of_a_transaction_whose_nonce_is_used(
    subject: Standing, seen: Found | None, final_nonce: int, step: Step
) -> None:
    assert on_chain_step(subject, view(mined_nonce=8), seen, final_nonce) is step
