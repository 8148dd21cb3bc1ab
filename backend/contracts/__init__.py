"""Serves addresses and ABI of the contracts, and what wallets need to know of the token."""
