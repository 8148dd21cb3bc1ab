"""Accounts: state, movements and withdrawals."""
