"""Bets as the mirror has them."""
