"""Owns one repair of Brownie: a node may know a sender's new nonce a moment before it can show the
transaction or its receipt, and Brownie would then call the transaction dropped. Must hide no loss.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from web3.exceptions import TransactionNotFound

PATIENCE_S = 2.0


def be_patient(web3: Any) -> None:
    """Let Brownie's `web3` look for a transaction for PATIENCE_S before it says that it is gone."""
    for name in ("get_transaction", "get_transaction_receipt"):
        look = getattr(web3.eth, name)
        if not getattr(look, "is_patient", False):
            setattr(web3.eth, name, _patient(look))


def _patient(look: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def patiently(transaction_hash: Any) -> Any:
        until_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                return look(transaction_hash)
            except TransactionNotFound:
                if time.monotonic() > until_s:
                    raise
                time.sleep(0.02)

    patiently.is_patient = True  # type: ignore[attr-defined]
    return patiently
