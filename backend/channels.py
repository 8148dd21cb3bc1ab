"""Names the channels of PostgreSQL's NOTIFY that wake the processes of the backend."""

from __future__ import annotations

SLIPS = "slips"
"""A slip was accepted."""

MARKETS = "markets"
"""A market was opened or closed."""

CASH_OUTS = "cash_outs"
"""An owner has signed an offer to cash out."""

RELAYS = "relays"
"""An owner has signed a deposit or a request for the house to send, or it was sent or given up."""

MIRROR = "mirror"
"""The indexer has written a block, or rolled one back."""
