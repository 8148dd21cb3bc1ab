"""Shows providers what the bankroll is worth, what moved it, and what open bets could cost it."""
