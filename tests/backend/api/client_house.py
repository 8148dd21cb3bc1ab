"""A house that the clients bet on, and receipts that do and do not commit it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from protocol.signatures import sign
from protocol.typed_data import Domain, Receipt
from tests.backend.api.client import until
from tests.support.house import OPERATOR, RECEIPT_SIGNER, House
from tests.support.people import Bettor, stranger_key
from tests.support.terms import UNIT

STAKE_MICRO = 2 * UNIT
DEADLINE_S = 60
MIN_ODDS_E4 = 20_000

HASH, OTHER = b"\x11" * 32, b"\x22" * 32
INVALID: dict[str, tuple[bytes, bytes, int, tuple[int, ...], str]] = {
    "of_another_slip": (RECEIPT_SIGNER, OTHER, 0, (20_000,), "of another slip"),
    "lower_odds": (RECEIPT_SIGNER, HASH, 0, (19_999,), "below those"),
    "one_leg_more": (RECEIPT_SIGNER, HASH, 0, (20_000, 20_000), "odds for 2 legs"),
    "long_ago": (RECEIPT_SIGNER, HASH, -100_000, (20_000,), "accepted at"),
    "after_the_deadline": (RECEIPT_SIGNER, HASH, DEADLINE_S + 1, (20_000,), "accepted at"),
    "by_the_operator": (OPERATOR, HASH, 0, (20_000,), "no key"),
    "by_a_stranger": (stranger_key(2_101), HASH, 0, (20_000,), "no key"),
}
VALID = (RECEIPT_SIGNER, HASH, 0, (20_000,), "")


@dataclass(frozen=True, slots=True)
class ClientHouse:
    """A house that listens, its contract, and a bettor whom both know."""

    api_url: str
    rpc_url: str
    address: str
    bettor: Bettor

    def receipt(self, name: str, now_s: int) -> tuple[dict[str, Any], str]:
        """A receipt for a slip of one leg with the hash HASH, as the API answers it, and the words
        with which a client refuses it."""
        key, slip_hash, later_s, odds_e4, words = INVALID.get(name, VALID)
        receipt = Receipt(slip_hash, now_s + later_s, odds_e4)
        digest = Domain(1337, self.address).digest(receipt.struct_hash())
        answered = {
            "slip": f"0x{slip_hash.hex()}",
            "accepted_at_s": receipt.accepted_at_s,
            "odds_e4": list(odds_e4),
            "signature": f"0x{sign(digest, key).hex()}",
        }
        return answered, words


@pytest.fixture
async def client_house(api_url: str, house: House) -> ClientHouse:
    person = house.open_account(100 * UNIT)
    house.node.set_balance(person.address, 10**20)
    async with httpx.AsyncClient(base_url=api_url) as api:

        async def known() -> bool:
            return (await api.get(f"/v1/accounts/{person.account}")).status_code == 200

        await until(known, 30)
    # From the deployment, not from the API.
    address = json.loads(house.deployment_file.read_text())["contracts"]["Sportsbook"]
    return ClientHouse(api_url, house.node.url, address, person)
