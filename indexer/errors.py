"""Owns what can go wrong while mirroring, by what to do about it: wait and retry, or stop."""

from __future__ import annotations


class IndexerError(RuntimeError):
    """Ends the process: the message says in one sentence what a person should do."""


class FinalBlockLeft(IndexerError):
    """A block that was final is not on the chain any more: the mirror may be of another chain."""


class RetryableError(RuntimeError):
    """Passes by itself, or at another endpoint: nothing was written, try again."""


class EndpointFailed(RetryableError):
    """One endpoint is of no use for now; another may be."""


class Unreachable(EndpointFailed):
    """The endpoint did not answer, not in time, or stopped in the middle."""


class Late(Unreachable):
    """The endpoint let us wait for nothing."""


class Malformed(EndpointFailed):
    """The endpoint answered something that no honest node says."""


class Refused(EndpointFailed):
    """The endpoint answered with an error, of JSON-RPC or HTTP."""


class Throttled(EndpointFailed):
    """The endpoint asks to come back later, after `wait_s` when it says so."""

    def __init__(self, message: str, wait_s: float = 0.0) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class WrongChain(EndpointFailed):
    """The endpoint serves another chain than CHAIN_ID."""


class Behind(EndpointFailed):
    """The endpoint does not have a block that is there elsewhere."""


class Unlinked(RetryableError):
    """Blocks do not follow each other: the chain changed while it was read."""


class Disagreement(RetryableError):
    """Endpoints answer differently, and no two of them the same."""


class Contradiction(RetryableError):
    """The events read cannot have happened in this order: something was left out or made up."""


class CheckpointMoved(RetryableError):
    """Somebody else has written to this deployment's mirror."""


class NodeUnavailable(RetryableError):
    """No endpoint gave a usable answer; the message names the reason of each. `wrong_chain`: all
    of them serve another chain."""

    def __init__(self, message: str, *, wrong_chain: bool = False) -> None:
        super().__init__(message)
        self.wrong_chain = wrong_chain
