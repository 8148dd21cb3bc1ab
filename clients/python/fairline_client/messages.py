"""The messages that bettors and house sign (EIP-712): their types do not come from the API."""

from __future__ import annotations

from typing import Any

from eth_account.messages import SignableMessage, encode_typed_data

Message = dict[str, Any]

LEG = [
    {"name": "fixture", "type": "string"},
    {"name": "startsAt", "type": "uint40"},
    {"name": "market", "type": "string"},
    {"name": "period", "type": "string"},
    {"name": "lineQuarters", "type": "int16"},
    {"name": "inPlay", "type": "bool"},
    {"name": "outcome", "type": "string"},
]
SLIP = {
    "Slip": [
        {"name": "account", "type": "uint32"},
        {"name": "stakeMicro", "type": "uint64"},
        {"name": "minOddsE4", "type": "uint40"},
        {"name": "nonce", "type": "uint24"},
        {"name": "deadline", "type": "uint40"},
        {"name": "legs", "type": "Leg[]"},
    ],
    "Leg": LEG,
}
RECEIPT = {
    "Receipt": [
        {"name": "slip", "type": "bytes32"},
        {"name": "acceptedAt", "type": "uint40"},
        {"name": "oddsE4", "type": "uint32[]"},
    ]
}


def domain_of(chain_id: int, sportsbook: str) -> Message:
    """What a signature counts for: one contract of one chain."""
    return {
        "name": "Fairline",
        "version": "1",
        "chainId": chain_id,
        "verifyingContract": sportsbook,
    }


def signable(domain: Message, types: Message, message: Message) -> SignableMessage:
    """A message as it is signed; `body` is its struct hash."""
    return encode_typed_data(domain, types, message)


def leg_of(fixture: Message, market: Message, outcome: int) -> Message:
    """A leg in words, from a fixture and one of its markets as `GET /v1/fixtures` has them."""
    return {
        "fixture": fixture["name"],
        "startsAt": fixture["starts_at_s"],
        "market": market["kind"],
        "period": market["period"],
        "lineQuarters": market["line_q"],
        "inPlay": market["in_play"],
        "outcome": market["outcomes"][outcome],
    }
