"""Publishes results, settles decided bets, and reconciles accepted slips with the mirror."""
