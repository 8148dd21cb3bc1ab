"""Builds what a wallet is asked to sign, as EIP-712 typed data in JSON; pure.

`eth_signTypedData_v4` and eth_account's `full_message` take the whole of it. ethers, viem and
eth_account also take domain, types and message one by one; ethers refuses types that the message
does not use, so each primary type has a set of its own. Integers of more than 53 bits are decimal
strings, since a number of JavaScript cannot hold them; every wallet accepts them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from protocol.keccak import keccak
from protocol.market_id import KIND_NAMES, PERIOD_NAMES
from protocol.typed_data import (
    CASH_OUT_TYPE,
    DOMAIN_TYPE,
    QUOTE_TYPE,
    RECEIPT_TYPE,
    REQUEST_TYPE,
    SLIP_TYPE,
    VERSION,
    WITHDRAWAL_TYPE,
    CashOut,
    Domain,
    Leg,
    Quote,
    Receipt,
    Request,
    Slip,
    Withdrawal,
    members,
)

Json = dict[str, Any]
Types = dict[str, list[dict[str, str]]]
Message = Slip | Receipt | Quote | CashOut | Withdrawal | Request

PERMIT_TYPE = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
AUTHORIZATION_TYPE = (
    "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,"
    "uint256 validBefore,bytes32 nonce)"
)
DOMAIN_NAME = "EIP712Domain"
TYPE_STRINGS = {
    "Slip": SLIP_TYPE,
    "Withdrawal": WITHDRAWAL_TYPE,
    "Request": REQUEST_TYPE,
    "CashOut": CASH_OUT_TYPE,
    "Receipt": RECEIPT_TYPE,
    "Quote": QUOTE_TYPE,
    "Permit": PERMIT_TYPE,
    "ReceiveWithAuthorization": AUTHORIZATION_TYPE,
}
"""The encoded type of each primary type that bettors or the house sign."""

_STRUCT = re.compile(r"\w+\([^)]*\)")


@cache
def types_of(primary_type: str) -> Types:
    """The types that a message of this primary type uses, without the domain's."""
    structs = _STRUCT.findall(TYPE_STRINGS[primary_type])
    return {struct[: struct.index("(")]: members(struct) for struct in structs}


def all_types() -> Types:
    """Every type, the domain's included, by name."""
    found: Types = {DOMAIN_NAME: members(DOMAIN_TYPE)}
    for primary_type in TYPE_STRINGS:
        found |= types_of(primary_type)
    return found


def domain_of(domain: Domain) -> Json:
    """The EIP-712 domain of our contracts."""
    return {
        "name": domain.name,
        "version": VERSION,
        "chainId": domain.chain_id,
        "verifyingContract": domain.contract,
    }


def authorization_nonce(fee_micro: int, salt: bytes) -> bytes:
    """The nonce of an authorization that `Sportsbook.depositWithAuthorization` takes: by it, the
    owner signs the fee of whoever sends it. `salt` is 32 bytes that the owner uses once."""
    return keccak(fee_micro.to_bytes(32, "big") + salt)


def typed_data(domain: Json, primary_type: str, message: Json) -> Json:
    """The argument of `eth_signTypedData_v4`."""
    return {
        "domain": domain,
        "types": {DOMAIN_NAME: members(DOMAIN_TYPE), **types_of(primary_type)},
        "primaryType": primary_type,
        "message": message,
    }


def message_of(struct: Message) -> Json:
    """The message of a struct, whose primary type is the name of its class."""
    if isinstance(struct, Slip):
        return {
            "account": struct.account,
            "stakeMicro": str(struct.stake_micro),
            "minOddsE4": struct.min_odds_e4,
            "nonce": struct.nonce,
            "deadline": struct.deadline_s,
            "legs": _legs(struct.legs),
        }
    if isinstance(struct, Quote):
        return {
            "account": struct.account,
            "nonce": struct.nonce,
            "maxStakeMicro": str(struct.max_stake_micro),
            "deadline": struct.deadline_s,
            "oddsE4": list(struct.odds_e4),
            "legs": _legs(struct.legs),
        }
    if isinstance(struct, Receipt):
        return {
            "slip": f"0x{struct.slip_hash.hex()}",
            "acceptedAt": struct.accepted_at_s,
            "oddsE4": list(struct.odds_e4),
        }
    if isinstance(struct, CashOut):
        return {
            "account": struct.account,
            "batch": struct.batch,
            "bet": struct.bet,
            "stakeMicro": str(struct.stake_micro),
            "priceMicro": str(struct.price_micro),
            "offeredAt": struct.offered_at_s,
            "deadline": struct.deadline_s,
        }
    if isinstance(struct, Withdrawal):
        return {
            "account": struct.account,
            "amountMicro": str(struct.amount_micro),
            "deadline": struct.deadline_s,
            "sequence": struct.sequence,
        }
    return {
        "account": struct.account,
        "action": struct.action.words,
        "value": str(struct.value),
        "feeMicro": str(struct.fee_micro),
        "number": struct.number,
        "deadline": struct.deadline_s,
    }


def _legs(legs: Sequence[Leg]) -> list[Json]:
    return [
        {
            "fixture": leg.fixture_name,
            "startsAt": leg.market.starts_at_s,
            "market": KIND_NAMES[leg.market.kind],
            "period": PERIOD_NAMES[leg.market.period],
            "lineQuarters": leg.market.line_q,
            "inPlay": leg.market.in_play,
            "outcome": leg.market.outcomes[leg.outcome],
        }
        for leg in legs
    ]
