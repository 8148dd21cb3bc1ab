"""Names what can go wrong between backend and chain; the type says whether a retry can help."""

from __future__ import annotations

from backend.errors import FatalError, RetryableError


class NodeUnreachable(RetryableError):
    """The node did not answer, or answered as a healthy node would not."""


class FundsInsufficient(RetryableError):
    """The sender cannot pay for gas; the transaction is sent once it has funds."""


class Underpriced(RetryableError):
    """The node wants a higher fee than the attempt offers."""


class ReplacementUnderpriced(Underpriced):
    """The node has another transaction with this nonce, and wants more for replacing it."""


class FeeCapExceeded(RetryableError):
    """The transaction's whole fee is above the cap of this node; the message may name the cap."""


class SenderRefused(RetryableError):
    """The node takes no transaction of this key, whatever is in it; a person has to find out why,
    and nothing may be given up meanwhile."""


class LockBusy(RetryableError):
    """Another process is doing the same work now."""


class WrongChain(FatalError):
    """The node serves a different chain than CHAIN_ID."""


class TransactionRefused(FatalError):
    """The node will never accept this payload (less gas than its bytes cost, more than is
    allowed)."""


class GasLimitRefused(TransactionRefused):
    """The transaction asks for more gas than the node allows one, or is too large; the message may
    name the cap."""


class CallReverted(FatalError):
    """The contract reverts. `error` is the name of its custom error, or "" when there is none;
    `values` are the error's values."""

    def __init__(self, error: str, values: tuple[object, ...] = (), detail: str = "") -> None:
        self.error = error
        self.values = values
        shown = ", ".join(str(value) for value in values)
        super().__init__(f"{error}({shown})" if error else detail or "reverted without a reason")
