"""Decodes logs into events, and packed batches into bets."""
