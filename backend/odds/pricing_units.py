"""Names the unit of what bets are bought back at; without the model, so that the API loads none."""

from __future__ import annotations

BID_ONE_E6 = 1_000_000
"""One, in parts per million."""
