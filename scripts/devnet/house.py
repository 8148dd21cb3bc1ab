"""Holds the settings of a local house: limits, odds, batches, and the test keys of its roles."""

from __future__ import annotations

from scripts.deploy_settings import (
    ARBITER,
    CASH_OUT_SIGNER,
    OPERATOR,
    RECEIPT_SIGNER,
    RESULT_SIGNERS,
    WITHDRAWAL_SIGNER,
)
from scripts.devnet.chain import account_key

LIMITS = {
    "MIN_STAKE_MICRO": str(10**6),
    "MAX_STAKE_MICRO": str(2_000 * 10**6),
    "MAX_PAYOUT_MICRO": str(50_000 * 10**6),
    "MAX_LEGS": "8",
    "LOCAL_CONTROL": "1",
    "CASH_OUT_OFFER_S": "30",
    # Its coins cost nothing.
    "RELAY_GAS_PER_HOUR": str(200_000_000),
    "QUOTE_BUDGET_MICRO": str(20_000 * 10**6),
    "QUOTE_S": "60",
    "SESSION_IDLE_S": "86400",
    "SESSION_LIFETIME_S": "604800",
    "RATE_LIMIT_PER_MINUTE": "100000",
    "MAX_ODDS_AGE_MS": "5000",
    "MAX_DEADLINE_S": "120",
    "MAX_CLOCK_SKEW_S": "60",
}
ODDS = {
    "ODDS_MARGIN_E4": "500",
    "ODDS_DEPTH_MICRO": str(50_000 * 10**6),
    "PRICE_RETENTION_S": str(30 * 24 * 3_600),
}
BATCHES = {
    "BATCH_MAX_SLIPS": "100",
    "BATCH_MAX_AGE_S": "4",
    "FEE_BUMP_AFTER_S": "30",
    "MAX_FEE_GWEI": "500",
    # Ten of the chain's coins, which cost nothing here.
    "MAX_FEES_GWEI_PER_HOUR": str(10 * 10**9),
}
CONFIRMATIONS = 2


def worker_keys() -> dict[str, str]:
    """The keys with which the worker sends batches and attests results."""
    signers = ",".join(account_key(index) for index in RESULT_SIGNERS)
    return {"OPERATOR_KEY": account_key(OPERATOR), "RESULT_SIGNER_KEYS": signers}


def signing_keys() -> dict[str, str]:
    """The keys with which the API signs receipts, withdrawals and cash-outs."""
    return {
        "CASH_OUT_SIGNER_KEY": account_key(CASH_OUT_SIGNER),
        "RECEIPT_SIGNER_KEY": account_key(RECEIPT_SIGNER),
        "WITHDRAWAL_SIGNER_KEY": account_key(WITHDRAWAL_SIGNER),
    }


def arbiter_key() -> dict[str, str]:
    """The key with which `python -m backend.settlement correct` rules on a result."""
    return {"ARBITER_KEY": account_key(ARBITER)}
