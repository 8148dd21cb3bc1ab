"""Serves accounts, and countersigns their withdrawals."""
