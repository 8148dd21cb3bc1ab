"""Names the channels of PostgreSQL's NOTIFY that wake the processes of the backend."""

from __future__ import annotations

SLIPS = "slips"
"""A slip was accepted."""

MARKETS = "markets"
"""A market was opened or closed."""

CASH_OUTS = "cash_outs"
"""An owner has signed an offer to cash out."""

MIRROR = "mirror"
"""The indexer has written a block, or rolled one back."""
