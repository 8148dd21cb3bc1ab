"""Holds the example values of the OpenAPI document, which tell one story of a slip and its bet."""

from __future__ import annotations

from protocol.market_id import Kind, MarketId, fixture_id

ACCOUNT = 7
OWNER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
SIGNER = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
WITHDRAWAL_SIGNER = "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720"
CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
RESULTS = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
BANKROLL = "0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0"
TOKEN = "0xCf7Ed3AccA5a467e9e704C703E8D87F634fB0Fc9"  # noqa: S105 - an address

DEPOSIT_UNITS = "100000000"
DEPOSIT_FEE_MICRO = 50_000
DEPOSIT_SALT = b"\x5a" * 32

FIXTURE_NAME = "Arsenal FC v Chelsea FC, 2025-05-25"
FIXTURE = f"0x{fixture_id(FIXTURE_NAME).hex()}"
COMPETITION = "English Premier League"
STARTS_AT_S = 1_748_185_200
SETTLED_AT_S = STARTS_AT_S + 10_800
LINE_Q = 10
MARKET_ID = MarketId(fixture_id(FIXTURE_NAME), STARTS_AT_S, Kind.TOTAL_GOALS, line_q=LINE_Q)
MARKET = f"0x{MARKET_ID.pack().hex()}"
KIND = "Total goals"
PERIOD = "Full time"
OUTCOME = "Over 2.5"
ODDS_E4 = 19_200
ODDS_AT_MS = 1_748_000_000_000
EPOCH = "1f0c2b3a"

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

RELAY_HASH = "0x" + "be" * 32
RELAY_SALT = "0x" + "5a" * 32

CASH_OUT = "3d0b6a76-5a3e-4f0e-8c5e-9b8f0c1f2a44"
SESSION = "0b5c1f53-7c3c-4a52-8a39-0f5a8a3c6d11"
SIGN_IN_NONCE = "5f0c3a9be1d24780a6b19e7c42d8f013"
SIGN_IN_MESSAGE = f"""app.example.org wants you to sign in with your Ethereum account:
{OWNER}

Sign in to Fairline to see your own bets, sessions and limits. This costs nothing and moves no money.

URI: https://app.example.org
Version: 1
Chain ID: 1337
Nonce: {SIGN_IN_NONCE}
Issued At: 2025-05-24T15:20:00Z
Expiration Time: 2025-05-24T15:25:00Z"""  # noqa: E501 - a line of a wallet's text

BLOCK = 1_520
BATCH = 12
BET = 0
TX_HASH = "0x" + "cd" * 32
SETTLEMENT_TX_HASH = "0x" + "ef" * 32
CURSOR = "12-0"
