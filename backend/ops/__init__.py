"""Serves health, readiness, metrics and the API reference."""
