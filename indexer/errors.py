"""Sorts what can go wrong while mirroring by what to do about it: retry, or stop the process."""

from __future__ import annotations


class IndexerError(RuntimeError):
    """Ends the process. The message tells an operator in one sentence what to do."""


class FinalBlockReplaced(IndexerError):
    """A block that was final is no longer on the chain: the mirror may belong to another chain."""


class RetryableError(RuntimeError):
    """Temporary, or specific to one endpoint. Nothing was written; try again."""


class EndpointFailed(RetryableError):
    """One endpoint is unusable for now; another may work."""


class Unreachable(EndpointFailed):
    """The endpoint did not answer, or the connection broke in the middle of an answer."""


class TimedOut(Unreachable):
    """The endpoint did not answer in time."""


class Malformed(EndpointFailed):
    """The endpoint sent an answer that no correct node sends."""


class Refused(EndpointFailed):
    """The endpoint answered with a JSON-RPC or HTTP error."""


class Throttled(EndpointFailed):
    """The endpoint limits the request rate. `wait_s` is its Retry-After, 0 when it gave none."""

    def __init__(self, message: str, wait_s: float = 0.0) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class WrongChain(EndpointFailed):
    """The endpoint serves another chain than CHAIN_ID."""


class Behind(EndpointFailed):
    """The endpoint does not have a block that exists elsewhere."""


class Unlinked(RetryableError):
    """Blocks do not link to each other: the chain changed while it was read."""


class Disagreement(RetryableError):
    """Endpoints give different answers, and no two of them agree."""


class Contradiction(RetryableError):
    """The events cannot have happened in this order: one is missing, or one is false."""


class CheckpointMoved(RetryableError):
    """Another process has written to this deployment's mirror."""


class NodeUnavailable(RetryableError):
    """No endpoint gave a usable answer; the message gives the reason of each. `wrong_chain`: all
    of them serve another chain."""

    def __init__(self, message: str, *, wrong_chain: bool = False) -> None:
        super().__init__(message)
        self.wrong_chain = wrong_chain
