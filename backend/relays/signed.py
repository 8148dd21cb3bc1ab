"""Builds what an owner signed and the call that carries it, from one description of both; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backend.relays.tables import RelayKind
from protocol.calls import encode_call
from protocol.scale import Scale
from protocol.signatures import compact
from protocol.token_messages import Authorization, Permit
from protocol.typed_data import Action, Request
from protocol.wallet_messages import authorization_nonce

ACTIONS = {
    RelayKind.REQUEST_EXIT: Action.REQUEST_EXIT,
    RelayKind.EXIT: Action.EXIT,
    RelayKind.EXCLUDE: Action.EXCLUDE,
    RelayKind.CANCEL_NONCES: Action.CANCEL_NONCES,
}

# What a transaction may ask for. A first deposit uses some 160,000, and a token behind a proxy that
# checks a blocklist more; a request uses some 90,000, and an exit also pays out.
GAS_OF_DEPOSIT = 300_000
GAS_OF_REQUEST = 150_000
GAS_OF_EXIT = 250_000

# What the house sends is free.
FEE_MICRO = 0


@dataclass(frozen=True, slots=True)
class SignedRelay:
    """What an owner signed, as `backend.relays.tables.Relay` has it."""

    kind: RelayKind
    owner: str
    value: int
    deadline_s: int
    account: int | None = None
    number: int | None = None
    salt: bytes | None = None
    valid_after_s: int | None = None

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> SignedRelay:
        """From a row of the table."""
        salt, counted = row["salt"], row["number"]
        return cls(
            kind=RelayKind(row["kind"]),
            owner=row["owner"],
            value=row["value"],
            deadline_s=row["deadline_s"],
            account=row["account"],
            number=None if counted is None else int(counted),
            salt=None if salt is None else bytes(salt),
            valid_after_s=row["valid_after_s"],
        )

    @property
    def is_deposit(self) -> bool:
        """Whether it moves tokens in."""
        return self.kind not in ACTIONS

    @property
    def gas(self) -> int:
        """What its transaction may ask for."""
        if self.is_deposit:
            return GAS_OF_DEPOSIT
        return GAS_OF_EXIT if self.kind is RelayKind.EXIT else GAS_OF_REQUEST

    @property
    def valid_from_s(self) -> int | None:
        """The first second of a block in which it has an effect, if there is one."""
        return None if self.valid_after_s is None else self.valid_after_s + 1

    @property
    def valid_until_s(self) -> int:
        """The last second of a block in which it has an effect."""
        return self.deadline_s - 1 if self.kind is RelayKind.AUTHORIZATION else self.deadline_s

    def request(self) -> Request:
        """The request that was signed, of any kind but a deposit."""
        assert self.account is not None, "a request is of an account"
        assert self.number is not None, "a request has a number"
        action = ACTIONS[self.kind]
        return Request(self.account, action, self.value, FEE_MICRO, self.number, self.deadline_s)

    def token_message(self, sportsbook: str, scale: Scale) -> Permit | Authorization:
        """The message of a deposit, which was signed in the token's domain."""
        units = scale.to_units(self.value)
        if self.kind is RelayKind.PERMIT:
            assert self.number is not None, "a permit has a nonce"
            return Permit(self.owner, sportsbook, units, self.number, self.deadline_s)
        assert self.salt is not None, "an authorization has a salt"
        assert self.valid_after_s is not None, "an authorization says from when it counts"
        nonce = authorization_nonce(FEE_MICRO, self.salt)
        return Authorization(
            self.owner, sportsbook, units, self.valid_after_s, self.deadline_s, nonce
        )

    def call_data(self, signature: bytes) -> bytes:
        """The call of the sportsbook that carries it; `signature` is r | s | v."""
        r, s, v = signature[:32], signature[32:64], signature[64]
        if self.kind is RelayKind.PERMIT:
            terms: tuple[object, ...] = (self.owner, self.value, self.deadline_s, v, r, s)
            return encode_call("Sportsbook", "depositWithPermit", *terms)
        if self.kind is RelayKind.AUTHORIZATION:
            times = (self.valid_after_s, self.deadline_s)
            terms = (self.owner, self.value, FEE_MICRO, *times, self.salt, v, r, s)
            return encode_call("Sportsbook", "depositWithAuthorization", *terms)
        arguments = self.request().arguments()
        return encode_call("Sportsbook", "relay", arguments, compact(signature))
