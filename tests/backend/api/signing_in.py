"""Signs test bettors in as a page with a wallet does."""

from __future__ import annotations

from typing import Any

import httpx

from backend.accounts.signature_forms import text_digest
from protocol.signatures import sign
from tests.backend.api.bettors import Bettor

ORIGIN = "https://app.example.org"


def message_text(address: str, given: dict[str, Any], **changes: Any) -> str:
    """The text of EIP-4361 from what POST /v1/sessions/nonce returned, with changes; None leaves a
    line out."""
    fields = {**given["message"], "nonce": given["nonce"], **changes}
    lines = [
        f"{fields['domain']} wants you to sign in with your Ethereum account:",
        fields.get("address", address),
        "",
        fields["statement"],
        "",
    ]
    names = {
        "uri": "URI",
        "version": "Version",
        "chain_id": "Chain ID",
        "nonce": "Nonce",
        "issued_at": "Issued At",
        "expiration_time": "Expiration Time",
        "not_before": "Not Before",
        "request_id": "Request ID",
    }
    lines += [f"{name}: {fields[key]}" for key, name in names.items() if fields.get(key)]
    lines += fields.get("more", [])
    return "\n".join(lines)


def sign_text(text: str, key: bytes) -> str:
    """What the wallet returns for personal_sign."""
    return f"0x{sign(text_digest(text.encode()), key).hex()}"


async def nonce(api: httpx.AsyncClient, origin: str | None = ORIGIN) -> dict[str, Any]:
    """What a page gets to build its message from."""
    answer = await api.post("/v1/sessions/nonce", headers=_headers(origin))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def post_signed(
    api: httpx.AsyncClient,
    text: str,
    key: bytes,
    origin: str | None = ORIGIN,
    transport: str = "cookie",
    **headers: str,
) -> httpx.Response:
    """Sign a text and ask for a session with it."""
    body = {"message": text, "signature": sign_text(text, key), "transport": transport}
    return await api.post("/v1/sessions", json=body, headers={**_headers(origin), **headers})


async def signed_in(api: httpx.AsyncClient, bettor: Bettor, **headers: str) -> dict[str, str]:
    """The header with which the bettor's requests have a session."""
    text = message_text(bettor.address, await nonce(api))
    answer = await post_signed(api, text, bettor.key, transport="bearer", **headers)
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def _headers(origin: str | None) -> dict[str, str]:
    return {} if origin is None else {"Origin": origin}
