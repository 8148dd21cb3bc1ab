"""Accepts slips, and reports their state."""
