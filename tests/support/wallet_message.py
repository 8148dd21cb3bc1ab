"""Builds the message that a wallet is asked to sign for a slip."""

from __future__ import annotations

from typing import Any

from protocol.market_id import KIND_NAMES, PERIOD_NAMES
from protocol.typed_data import (
    DOMAIN_TYPE,
    LEG_TYPE,
    SLIP_TYPE,
    VERSION,
    Domain,
    Slip,
    members,
)


def slip_message(slip: Slip, domain: Domain) -> dict[str, Any]:
    """The slip as the argument of `eth_signTypedData_v4`."""
    return {
        "domain": {
            "name": domain.name,
            "version": VERSION,
            "chainId": domain.chain_id,
            "verifyingContract": domain.contract,
        },
        "primaryType": "Slip",
        "types": {
            "EIP712Domain": members(DOMAIN_TYPE),
            "Slip": members(SLIP_TYPE.removesuffix(LEG_TYPE)),
            "Leg": members(LEG_TYPE),
        },
        "message": {
            "account": slip.account,
            "stakeMicro": slip.stake_micro,
            "minOddsE4": slip.min_odds_e4,
            "nonce": slip.nonce,
            "deadline": slip.deadline_s,
            "legs": [
                {
                    "fixture": leg.fixture_name,
                    "startsAt": leg.market.starts_at_s,
                    "market": KIND_NAMES[leg.market.kind],
                    "period": PERIOD_NAMES[leg.market.period],
                    "lineQuarters": leg.market.line_q,
                    "inPlay": leg.market.in_play,
                    "outcome": leg.market.outcomes[leg.outcome],
                }
                for leg in slip.legs
            ],
        },
    }
