"""Owns the ways in which the chain says no: retryable ones by type, fatal ones by type."""

from __future__ import annotations


class ChainError(Exception):
    """Something between us and the chain went wrong."""


class RetryableError(ChainError):
    """Trying the same again later can succeed; nothing needs to be changed."""


class NodeUnreachable(RetryableError):
    """No answer, or one that a healthy node would not give."""


class FundsInsufficient(RetryableError):
    """The sender cannot pay for gas; top it up and the transaction goes out."""


class Underpriced(RetryableError):
    """The node wants a higher fee than the attempt offers."""


class LockBusy(RetryableError):
    """Another process is doing the same work right now."""


class FatalError(ChainError):
    """The same again would fail the same way; a person or a change is needed."""


class WrongChain(FatalError):
    """The node serves another chain than the one this backend is set up for."""


class TransactionRefused(FatalError):
    """The node will never take this payload (too large, more gas than a block holds...)."""


class CallReverted(FatalError):
    """The contract refuses the call. `error` is the name of its custom error, or "" when it has
    none; `values` are the values it refused."""

    def __init__(self, error: str, values: tuple[object, ...] = (), detail: str = "") -> None:
        self.error = error
        self.values = values
        shown = ", ".join(str(value) for value in values)
        super().__init__(f"{error}({shown})" if error else detail or "reverted without a reason")
