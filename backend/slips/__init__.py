"""Slips: typed data, acceptance and status."""
