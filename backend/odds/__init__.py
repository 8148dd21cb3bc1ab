"""Computes and publishes live odds."""
