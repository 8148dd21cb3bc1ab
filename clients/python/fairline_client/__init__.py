"""Bets on a Fairline sportsbook, and checks what its API says with the contract."""

from fairline_client.bettor import AcceptedBet, Bettor, NotPlaced, SignedSlip, Unanswered
from fairline_client.receipts import ReceiptInvalid
from fairline_client.sportsbook import HouseDiffers, Refused, Sportsbook
from fairline_client.stream import OddsStream

__all__ = [
    "AcceptedBet",
    "Bettor",
    "HouseDiffers",
    "NotPlaced",
    "OddsStream",
    "ReceiptInvalid",
    "Refused",
    "SignedSlip",
    "Sportsbook",
    "Unanswered",
]
