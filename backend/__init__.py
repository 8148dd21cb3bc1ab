"""Runs the off-chain half of the sportsbook: odds, acceptance, batching and settlement."""

from protocol.installed import need_packages

need_packages()
