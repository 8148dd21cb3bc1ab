"""Defines the refusals of the match-day control."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from backend import examples
from backend.problems import Refused


class NodeRefused(Refused):
    """The node does not support what Ganache and Anvil do."""

    status = 503
    code = "node-refused"
    title = "Node refused"


class NothingToTravelTo(Refused):
    """No such moment lies ahead."""

    code = "nothing-to-travel-to"
    title = "Nothing to travel to"
    extra: ClassVar[Mapping[str, Any]] = {"now_s": examples.NOW_S}


class SlipsWaiting(Refused):
    """Accepted slips are about to be placed, and would be too old after a jump."""

    code = "slips-waiting"
    title = "Slips are waiting"
    extra: ClassVar[Mapping[str, Any]] = {"waiting": 1}


class FaucetUnavailable(Refused):
    """The house's token is not the test token, so nobody can mint it."""

    code = "faucet-unavailable"
    title = "No test token"
