"""Offers owners a price for their open bets, and has accepted offers sent."""
