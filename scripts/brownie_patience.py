"""Owns one repair of Brownie: a node may know a sender's new nonce a moment before it can show the
transaction, and Brownie would then call the transaction dropped. Must hide no real loss.
"""

from __future__ import annotations

import time
from typing import Any

from web3.exceptions import TransactionNotFound

PATIENCE_S = 5.0


def be_patient(web3: Any) -> None:
    """Let Brownie's `web3` look for a transaction for PATIENCE_S before it says that it is gone."""
    if getattr(web3.eth.get_transaction, "is_patient", False):
        return
    look = web3.eth.get_transaction

    def get_transaction(transaction_hash: Any) -> Any:
        until_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                return look(transaction_hash)
            except TransactionNotFound:
                if time.monotonic() > until_s:
                    raise
                time.sleep(0.02)

    get_transaction.is_patient = True  # type: ignore[attr-defined]
    web3.eth.get_transaction = get_transaction
