"""Makes Brownie look a transaction up again before it calls the transaction dropped.

A node may report a sender's new nonce a moment before it can return the transaction or its receipt.
A transaction that is really lost is still reported, after RETRY_S.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from web3.exceptions import TransactionNotFound

RETRY_S = 30.0
_PAUSE_S = 0.02


def retry_lookups(web3: Any) -> None:
    """Makes Brownie's `web3` retry for RETRY_S when it does not find a transaction or a receipt."""
    for name in ("get_transaction", "get_transaction_receipt"):
        lookup = getattr(web3.eth, name)
        if not getattr(lookup, "is_retrying", False):
            setattr(web3.eth, name, _retrying(lookup))


def _retrying(lookup: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def retry(transaction_hash: Any) -> Any:
        until_s = time.monotonic() + RETRY_S
        while True:
            try:
                return lookup(transaction_hash)
            except TransactionNotFound:
                if time.monotonic() > until_s:
                    raise
                time.sleep(_PAUSE_S)

    retry.is_retrying = True  # type: ignore[attr-defined]
    return retry
