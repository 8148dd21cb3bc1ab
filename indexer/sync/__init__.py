"""Brings the mirror to the head of the chain: ranges, forks, finality, gas."""
