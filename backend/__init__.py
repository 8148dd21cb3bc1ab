"""Runs the off-chain half of the sportsbook: odds, acceptance, batching and settlement."""
