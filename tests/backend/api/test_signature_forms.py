"""Signatures in every form that wallets return: taken, or refused for what they are.

A slip and a withdrawal are signed alike, so each form is tried with both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data
from eth_utils.crypto import keccak

from backend.accounts.signature_forms import ERC6492_SUFFIX
from protocol.signatures import compact, sign
from protocol.typed_data import Slip, Withdrawal
from protocol.wallet_messages import typed_data
from tests.backend.api.bettors import DOMAIN, NOW_S, UNIT, Bettor, body_of, slip_of
from tests.backend.api.client import is_problem
from tests.backend.api.world import World

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

Message = Slip | Withdrawal


def digest_of(message: Message) -> bytes:
    return DOMAIN.digest(message.struct_hash())


def own(message: Message, bettor: Bettor) -> bytes:
    return sign(digest_of(message), bettor.key)


def with_v(signature: bytes, v: int) -> bytes:
    return signature[:64] + v.to_bytes((v.bit_length() + 7) // 8 or 1, "big")


def upper_s(signature: bytes) -> bytes:
    """The same signature with s in the upper half of the order, as some KMS give it."""
    s = ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes((55 - signature[64],))


def zero_based(signature: bytes) -> bytes:
    return with_v(signature, signature[64] - 27)


def eip155(signature: bytes, chain_id: int) -> bytes:
    return with_v(signature, 35 + 2 * chain_id + signature[64] - 27)


def der(signature: bytes) -> bytes:
    """r and s as two integers of ASN.1, each with the bytes that its sign needs."""
    parts = b""
    for number in (signature[:32], signature[32:64]):
        value = int.from_bytes(number, "big")
        digits = value.to_bytes(value.bit_length() // 8 + 1, "big")
        parts += bytes((2, len(digits))) + digits
    return bytes((0x30, len(parts))) + parts


def as_text(text: bytes, bettor: Bettor) -> bytes:
    return bytes(Account.from_key(bettor.key).sign_message(encode_defunct(text)).signature)


TAKEN: dict[str, Callable[[bytes], bytes]] = {
    "v_27_or_28": lambda signature: signature,
    "v_0_or_1": zero_based,
    "compact": compact,
    "upper_s": upper_s,
    "upper_s_and_v_0_or_1": lambda signature: zero_based(upper_s(signature)),
}


@dataclass(frozen=True)
class Route:
    """Where a message is posted, and the message."""

    path: str
    message: Message

    def body(self, signature: bytes) -> dict[str, Any]:
        text = f"0x{signature.hex()}"
        if isinstance(self.message, Slip):
            return body_of(self.message, text)
        return {
            "account": self.message.account,
            "amount_micro": str(self.message.amount_micro),
            "deadline_s": self.message.deadline_s,
            "sequence": self.message.sequence,
            "signature": text,
        }


@pytest.fixture(params=["slip", "withdrawal"])
def route(request: pytest.FixtureRequest, bettor: Bettor) -> Route:
    if request.param == "slip":
        return Route("/v1/slips", slip_of(bettor))
    return Route("/v1/withdrawals", Withdrawal(bettor.account, 40 * UNIT, NOW_S + 300, 0))


@pytest.mark.parametrize("form", TAKEN)
async def test_form_of_the_owners_signature_is_taken(
    form: str, api: httpx.AsyncClient, world: World, bettor: Bettor, route: Route
) -> None:
    signature = own(route.message, bettor)
    answer = await api.post(route.path, json=route.body(TAKEN[form](signature)))
    assert answer.status_code == 201, answer.text
    # It is kept as the contracts take it, and another form of it is the same request.
    table = "slip" if isinstance(route.message, Slip) else "withdrawal"
    [(stored,)] = world.execute(f"SELECT signature FROM backend.{table}").fetchall()
    assert bytes(stored) == signature
    again = await api.post(route.path, json=route.body(signature))
    assert again.status_code == 200, again.text


NAMED: dict[str, tuple[Callable[[Message, Bettor], bytes], int, str]] = {
    "eip155_of_our_chain": (
        lambda m, b: eip155(own(m, b), 1337),
        422,
        "transaction-signature",
    ),
    "eip155_of_mainnet": (lambda m, b: eip155(own(m, b), 1), 422, "transaction-signature"),
    "eip155_and_upper_s": (
        lambda m, b: eip155(upper_s(own(m, b)), 8453),
        422,
        "transaction-signature",
    ),
    "personal_sign_of_the_digest": (
        lambda m, b: as_text(digest_of(m), b),
        403,
        "signed-as-text",
    ),
    "personal_sign_of_the_digest_in_hex": (
        lambda m, b: as_text(b"0x" + digest_of(m).hex().encode(), b),
        403,
        "signed-as-text",
    ),
    "personal_sign_of_the_struct_hash": (
        lambda m, b: zero_based(as_text(m.struct_hash(), b)),
        403,
        "signed-as-text",
    ),
    "der": (lambda m, b: der(own(m, b)), 422, "signature-in-der"),
    "v_of_29": (lambda m, b: with_v(own(m, b), 29), 403, "signature-invalid"),
    "another_parity": (
        lambda m, b: with_v(own(m, b), 55 - own(m, b)[64]),
        403,
        "signature-invalid",
    ),
    "zeros": (lambda m, b: bytes(65), 403, "signature-invalid"),
    "s_of_the_order": (
        lambda m, b: own(m, b)[:32] + ORDER.to_bytes(32, "big") + b"\x1b",
        403,
        "signature-invalid",
    ),
    "all_ones": (lambda m, b: b"\xff" * 64 + b"\x00", 403, "signature-invalid"),
    "compact_all_ones": (lambda m, b: b"\xff" * 64, 403, "signature-invalid"),
}


@pytest.mark.parametrize("form", NAMED)
async def test_other_form_is_named(
    form: str, api: httpx.AsyncClient, world: World, bettor: Bettor, route: Route
) -> None:
    make, status, code = NAMED[form]
    before = world.contents()
    answer = await api.post(route.path, json=route.body(make(route.message, bettor)))
    is_problem(answer, status, code)
    assert world.contents() == before


async def test_wallet_that_is_not_deployed_can_withdraw_once_it_is_but_not_bet(
    api: httpx.AsyncClient, bettor: Bettor, route: Route
) -> None:
    """A deployed contract wallet is refused a slip too, so deploying it would not help."""
    signature = bytes(96) + own(route.message, bettor) + ERC6492_SUFFIX
    answer = await api.post(route.path, json=route.body(signature))
    if isinstance(route.message, Slip):
        is_problem(answer, 403, "contract-signature-unsupported")
        assert "Deploy" not in answer.json()["detail"]
        assert "account owned by an ordinary key" in answer.json()["detail"]
    else:
        is_problem(answer, 403, "wallet-not-deployed")


async def test_signature_of_a_contract_wallet_is_named(
    api: httpx.AsyncClient, bettor: Bettor
) -> None:
    answer = await api.post("/v1/slips", json=body_of(slip_of(bettor), "0x" + "ab" * 130))
    is_problem(answer, 403, "contract-signature-unsupported")


async def test_signature_that_is_too_short_is_told_its_length(
    api: httpx.AsyncClient, route: Route
) -> None:
    answer = await api.post(route.path, json=route.body(bytes.fromhex("1234")))
    is_problem(answer, 403, "signature-invalid")
    assert "A signature has 64 or 65 bytes, and this one has 2." in answer.json()["detail"]


async def test_chain_in_the_signature_is_named(
    api: httpx.AsyncClient, bettor: Bettor, route: Route
) -> None:
    signature = eip155(own(route.message, bettor), 1337)
    answer = await api.post(route.path, json=route.body(signature))
    assert answer.json()["signed_chain_id"] == 1337


async def test_refusal_shows_what_was_to_be_signed(
    api: httpx.AsyncClient, bettor: Bettor, route: Route
) -> None:
    stranger = Bettor(bettor.account, keccak(text="stranger"))
    answer = await api.post(route.path, json=route.body(own(route.message, stranger)))
    is_problem(answer, 403, "signature-invalid")
    shown = answer.json()
    assert (shown["owner"], shown["signer"]) == (bettor.address, stranger.address)
    assert shown["digest"] == f"0x{digest_of(route.message).hex()}"
    # What it shows can be signed as it is, and then counts.
    full = typed_data(shown["domain"], shown["primary_type"], shown["message"])
    signable = encode_typed_data(full_message=full)
    signature = Account.from_key(bettor.key).sign_message(signable)
    assert f"0x{bytes(signature.message_hash).hex()}" == shown["digest"]
    taken = await api.post(route.path, json=route.body(bytes(signature.signature)))
    assert taken.status_code == 201, taken.text
