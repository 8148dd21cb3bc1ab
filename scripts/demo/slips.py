"""Describes the slips that the demo's bettors signed, and what the API answered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data

from scripts.demo.bots import Mistake


@dataclass(frozen=True, slots=True)
class SlipLeg:
    """A leg in the words that were signed, with the id of its market."""

    market: str
    outcome: int
    words: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SignedSlip:
    """A slip as the wallet signed it, and its signature in hex."""

    account: int
    nonce: int
    stake_micro: int
    min_odds_e4: int
    deadline_s: int
    legs: tuple[SlipLeg, ...]
    signature: str
    mistake: Mistake | None

    def with_signature(self, signature: str) -> SignedSlip:
        """The same slip, signed."""
        return replace(self, signature=signature)

    def message(self) -> dict[str, Any]:
        """What the wallet's window shows."""
        return {
            "account": self.account,
            "stakeMicro": self.stake_micro,
            "minOddsE4": self.min_odds_e4,
            "nonce": self.nonce,
            "deadline": self.deadline_s,
            "legs": [leg.words for leg in self.legs],
        }

    def body(self) -> dict[str, Any]:
        """What goes to POST /v1/slips."""
        return {
            "account": self.account,
            "stake_micro": str(self.stake_micro),
            "min_odds_e4": self.min_odds_e4,
            "nonce": self.nonce,
            "deadline_s": self.deadline_s,
            "legs": [{"market": leg.market, "outcome": leg.outcome} for leg in self.legs],
            "signature": self.signature,
        }


@dataclass(frozen=True, slots=True)
class AcceptedSlip:
    """A slip with the house's receipt: odds, time of acceptance, signature."""

    slip: SignedSlip
    id: str
    slip_hash: str
    accepted_at_s: int
    odds_e4: tuple[int, ...]
    payout_max_micro: int
    receipt_signature: str

    @classmethod
    def of(cls, slip: SignedSlip, answer: dict[str, Any]) -> AcceptedSlip:
        """A slip with what POST /v1/slips answered."""
        return cls(
            slip=slip,
            id=answer["id"],
            slip_hash=answer["slip_hash"],
            accepted_at_s=answer["accepted_at_s"],
            odds_e4=tuple(answer["odds_e4"]),
            payout_max_micro=int(answer["payout_max_micro"]),
            receipt_signature=answer["receipt"]["signature"],
        )

    def receipt_signer(self, typed: dict[str, Any]) -> str:
        """The address that signed the receipt, by eth_account's general encoder and the types of
        GET /v1/typed-data."""
        message = {
            "slip": bytes.fromhex(self.slip_hash.removeprefix("0x")),
            "acceptedAt": self.accepted_at_s,
            "oddsE4": list(self.odds_e4),
        }
        signable = encode_typed_data(
            full_message={
                "domain": typed["domain"],
                "types": {name: typed["types"][name] for name in ("EIP712Domain", "Receipt")},
                "primaryType": "Receipt",
                "message": message,
            }
        )
        return str(Account.recover_message(signable, signature=self.receipt_signature))


@dataclass(frozen=True, slots=True)
class RefusedSlip:
    """A slip that the API refused, with its stable code."""

    slip: SignedSlip
    code: str
    status: int
