"""Serves bets on the chain, and the book of the house."""
