"""Offers the nodes of tests/support to the tests of the backend."""

from tests.support.nodes import CHAIN_ID, ROOT, TestNode, free_port, key, running_node

__all__ = ["CHAIN_ID", "ROOT", "TestNode", "free_port", "key", "running_node"]
