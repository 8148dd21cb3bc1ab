"""Holds an example message for each primary type, which tell the story of backend.examples."""

from __future__ import annotations

from typing import Any

from backend import examples
from protocol.typed_data import (
    Action,
    CashOut,
    Leg,
    Quote,
    Receipt,
    Request,
    Slip,
    Withdrawal,
)
from protocol.wallet_messages import Message, authorization_nonce, message_of

_LEGS = (Leg(examples.FIXTURE_NAME, examples.MARKET_ID, 0),)
_STAKE_MICRO = int(examples.STAKE_MICRO)

STRUCTS: tuple[Message, ...] = (
    Slip(
        account=examples.ACCOUNT,
        stake_micro=_STAKE_MICRO,
        min_odds_e4=examples.MIN_ODDS_E4,
        nonce=1,
        deadline_s=examples.DEADLINE_S,
        legs=_LEGS,
    ),
    Withdrawal(examples.ACCOUNT, 50_000_000, examples.DEADLINE_S, 0),
    Request(examples.ACCOUNT, Action.REQUEST_EXIT, 50_000_000, 0, 0, examples.DEADLINE_S),
    CashOut(
        account=examples.ACCOUNT,
        batch=examples.BATCH,
        bet=examples.BET,
        stake_micro=_STAKE_MICRO,
        price_micro=2 * _STAKE_MICRO,
        offered_at_s=examples.NOW_S,
        deadline_s=examples.DEADLINE_S,
    ),
    Receipt(bytes.fromhex(examples.SLIP_HASH[2:]), examples.NOW_S, (examples.ODDS_E4,)),
    Quote(
        account=examples.ACCOUNT,
        nonce=1,
        max_stake_micro=_STAKE_MICRO,
        deadline_s=examples.DEADLINE_S,
        odds_e4=(examples.ODDS_E4,),
        legs=_LEGS,
    ),
)
EXAMPLES: dict[str, dict[str, Any]] = {
    type(struct).__name__: message_of(struct) for struct in STRUCTS
}


def permit_to(sportsbook: str) -> dict[str, Any]:
    """A permit of the token (EIP-2612), for `Sportsbook.depositWithPermit`."""
    return {
        "owner": examples.OWNER,
        "spender": sportsbook,
        "value": examples.DEPOSIT_UNITS,
        "nonce": "0",
        "deadline": str(examples.DEADLINE_S),
    }


def authorization_to(sportsbook: str) -> dict[str, Any]:
    """An authorization of the token (EIP-3009), for `Sportsbook.depositWithAuthorization`."""
    nonce = authorization_nonce(examples.DEPOSIT_FEE_MICRO, examples.DEPOSIT_SALT)
    return {
        "from": examples.OWNER,
        "to": sportsbook,
        "value": examples.DEPOSIT_UNITS,
        "validAfter": "0",
        "validBefore": str(examples.DEADLINE_S),
        "nonce": f"0x{nonce.hex()}",
    }
