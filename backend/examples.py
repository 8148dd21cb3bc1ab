"""Holds the example values of the OpenAPI document, which tell one story of a slip and its bet."""

from __future__ import annotations

from protocol.market_id import Kind, MarketId, fixture_id

ACCOUNT = 7
OWNER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
SIGNER = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
WITHDRAWAL_SIGNER = "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720"
CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"

FIXTURE_NAME = "Arsenal FC v Chelsea FC, 2025-05-25"
FIXTURE = f"0x{fixture_id(FIXTURE_NAME).hex()}"
STARTS_AT_S = 1_748_185_200
LINE_Q = 10
_MARKET = MarketId(fixture_id(FIXTURE_NAME), STARTS_AT_S, Kind.TOTAL_GOALS, line_q=LINE_Q)
MARKET = f"0x{_MARKET.pack().hex()}"
KIND = "Total goals"
PERIOD = "Full time"
OUTCOME = "Over 2.5"
ODDS_E4 = 19_200
ODDS_AT_MS = 1_748_000_000_000

SLIP = "6f1c2b1e-6f0e-4f5e-9f0a-2f6d3c1b7a90"
SLIP_HASH = "0x" + "ab" * 32
STAKE_MICRO = "2500000"
PAYOUT_MICRO = "4800000"
MIN_ODDS_E4 = 19_000
NOW_S = 1_748_100_000
DEADLINE_S = NOW_S + 120
ENFORCE_UNTIL_S = NOW_S + 600
SIGNATURE = "0x" + "1b" * 65
HOUSE_SIGNATURE = "0x" + "1c" * 65

BLOCK = 1_520
BATCH = 12
BET = 0
TX_HASH = "0x" + "cd" * 32
SETTLEMENT_TX_HASH = "0x" + "ef" * 32
CURSOR = "MTIsMA"
