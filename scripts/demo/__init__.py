"""Plays one match day on this machine: odds, bets, results, settlement and checks."""
