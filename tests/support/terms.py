"""States the amounts and delays with which tests deploy the contracts."""

from __future__ import annotations

UNIT = 1_000_000
BANKROLL_MICRO = 1_000_000 * UNIT
DEPOSIT_MICRO = 1_000 * UNIT
BOND_MICRO = 100 * UNIT
BATCH_WINDOW_S, RECEIPT_WINDOW_S, EXIT_DELAY_S, CASH_OUT_AGE_S = 120, 600, 1_800, 660
DISPUTE_WINDOW_S, NOTICE_S, HORIZON_S = 600, 3_600, 400 * 24 * 3_600
BUDGET_PERIOD_S = 24 * 3_600
VOID_AFTER_S = 7 * 24 * 3_600
# The limits of the contracts' types: of money in the book, and of a cap.
MAX_MICRO = 2**56 - 1
NO_CAP = MAX_MICRO
RECEIPT_BUDGET_MICRO = BANKROLL_MICRO // 10
EVEN_E4 = 20_000
NOBODY = "0x" + "0" * 40
EVERYTHING = 2**255
