"""Moves the clock of a local chain and gives out test tokens; never registered on another chain."""
