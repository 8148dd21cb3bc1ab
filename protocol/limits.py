"""Names the sizes and limits that contracts and chain enforce, each in one place."""

from __future__ import annotations

ODDS_ONE_E4 = 10_000
"""Decimal odds of 1, times 10^4."""

MAX_MICRO = 2**56 - 1
"""The maximum amount, in micro-units, that the sportsbook can hold, and so the largest stake,
payout and balance (contracts/libraries/Accounts.sol)."""

LOCAL_CHAIN_IDS = (1337, 31337)
"""Chains of one machine, whose keys everybody knows and whose tokens are worth nothing."""

MAX_BETS = 256
"""Slips in a batch."""

MAX_BATCH = 2**32 - 1
"""The largest number of a batch (`uint32`)."""

MAX_ACCOUNT = 2**32 - 1
"""The largest number of an account."""

MAX_TIME_S = 2**40 - 1
"""The latest unix time that messages, calls and events can carry."""

MAX_SECONDS_AFTER_BASE = 2**16 - 1
"""The latest time that a record of a batch can carry, in seconds after the batch's base time."""

MAX_LEGS = 12
"""Legs of a slip."""

MAX_MIN_ODDS_E4 = 2**40 - 1
"""The largest minimum odds, times 10^4, that a slip of a batch can carry (five bytes)."""

MAX_NONCE = 2**24 - 1
NONCE_WINDOW = 8
"""How far below an account's highest nonce an unused nonce still counts."""

BUDGET_PERIOD_S = 24 * 3_600
"""Time in which a key of the house regains its whole budget (contracts/libraries/Keys.sol)."""

VOID_AFTER_S = 7 * 24 * 3_600
"""Seconds from a market's start within which its result must be published; after that the market is
void (contracts/libraries/Ledger.sol)."""

WITHDRAWAL_SEQUENCES = 128
"""Sequences of an account's withdrawals: they count up from 0 and wrap around after 127."""

TRANSACTION_GAS_MAX = 2**24
"""The gas that a transaction may ask for (EIP-7825)."""

CONTRACT_SIGNATURE_GAS = 400_000
"""Gas that `isValidSignature` of a contract wallet may use (contracts/libraries/Signatures.sol)."""

MARKET_LIST_MAX = 255
"""Markets that records can refer to: an index is one byte, and the contract refuses 256."""

# Bytes of the packed layouts (contracts/interfaces/ISportsbook.sol).
TABLE_FIXTURE_BYTES = 37
TABLE_MARKET_BYTES = 6
LISTED_MARKET_BYTES = 26
"""A market id without its six zero bytes, as events and settlements list it."""
BATCH_COUNTS_BYTES = 3
PAYOUT_BYTES = 9
