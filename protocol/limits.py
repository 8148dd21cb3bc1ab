"""Names the sizes and limits that the contracts enforce, each in one place."""

from __future__ import annotations

ODDS_ONE_E4 = 10_000
"""Decimal odds of 1, times 10^4."""

MAX_MICRO = 2**56 - 1
"""The most micro-units that the sportsbook can hold, and so the largest stake, payout and balance
(contracts/libraries/Ledger.sol)."""

MAX_BETS = 256
"""Slips in a batch."""

MAX_LEGS = 12
"""Legs of a slip."""

MAX_NONCE = 2**24 - 1
NONCE_WINDOW = 8
"""How far below an account's highest nonce an unused nonce still counts."""

MARKET_LIST_MAX = 255
"""Markets that records can refer to: an index is one byte, and the contract refuses 256."""

# Bytes of the packed layouts (contracts/interfaces/ISportsbook.sol).
TABLE_FIXTURE_BYTES = 37
TABLE_MARKET_BYTES = 6
LISTED_MARKET_BYTES = 26
"""A market id without its six zero bytes, as events and settlements list it."""
BATCH_COUNTS_BYTES = 3
SKIP_BYTES = 8
PAYOUT_BYTES = 9
