"""Provides a client of a real node that records what was simulated."""

from __future__ import annotations

from backend.transactions.node import Call, Node
from tests.support.nodes import CHAIN_ID


class WatchedNode(Node):
    """`simulated` has every call that was tried, in order."""

    def __init__(self, url: str) -> None:
        super().__init__(url, CHAIN_ID)
        self.simulated: list[Call] = []

    def simulate(self, sender: str, call: Call) -> None:
        self.simulated.append(call)
        super().simulate(sender, call)
