"""Carries from the worker to the API what keeps the house from placing and paying bets."""
