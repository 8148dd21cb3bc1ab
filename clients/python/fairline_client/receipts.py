"""Checks a receipt with the contract: whether it commits the house to the slip that was signed."""

from __future__ import annotations

from typing import Any

from eth_account import Account

from fairline_client.messages import RECEIPT, Message, signable
from fairline_client.sportsbook import Sportsbook

RECEIPT_ROLE = 2


class ReceiptInvalid(Exception):
    """The receipt does not commit the house to the slip."""


def check_receipt(
    sportsbook: Sportsbook, receipt: Message, slip: Message, slip_hash: bytes, sent_at_s: int
) -> None:
    """Raises ReceiptInvalid. `sent_at_s` is the time of the newest block when the slip was sent."""
    if bytes.fromhex(str(receipt["slip"]).removeprefix("0x")) != slip_hash:
        raise ReceiptInvalid("it is of another slip")
    odds_e4 = receipt["odds_e4"]
    if len(odds_e4) != len(slip["legs"]):
        raise ReceiptInvalid(f"it has odds for {len(odds_e4)} legs, not {len(slip['legs'])}")
    product = 1
    for odds in odds_e4:
        product *= odds
    if product < slip["minOddsE4"] * 10_000 ** (len(odds_e4) - 1):
        raise ReceiptInvalid("its odds are below those that were signed")
    accepted_at_s = receipt["accepted_at_s"]
    window_s = sportsbook.view("RECEIPT_WINDOW")
    if not sent_at_s - window_s < accepted_at_s <= slip["deadline"]:
        raise ReceiptInvalid(
            f"it was accepted at {accepted_at_s}, not between now and the deadline"
        )
    signer = signer_of(sportsbook, receipt, slip_hash)
    role, from_s, until_s, *_ = sportsbook.view("keyOf", signer)
    if role != RECEIPT_ROLE or not from_s <= accepted_at_s <= until_s:
        raise ReceiptInvalid(f"{signer} is no key that the contract accepts for receipts")


def signer_of(sportsbook: Sportsbook, receipt: Message, slip_hash: bytes) -> Any:
    """The address that signed a receipt for this slip."""
    message = {
        "slip": slip_hash,
        "acceptedAt": receipt["accepted_at_s"],
        "oddsE4": receipt["odds_e4"],
    }
    return Account.recover_message(
        signable(sportsbook.domain, RECEIPT, message), signature=receipt["signature"]
    )
