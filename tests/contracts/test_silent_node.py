"""A node that stands still fails its test by name, and lets no other test wait for it.

Branches: no answer · asked again · the last lines that it printed.
"""

from __future__ import annotations

import json
import os
import socket
import time
from types import SimpleNamespace

import pytest

from tests.contracts.node_output import NodeOutput
from tests.contracts.quick_brownie import Line, NodeSilent


def test_silent_node_is_waited_for_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        line = Line(
            f"http://127.0.0.1:{port}", lambda *call: json.dumps(call).encode(), patience_s=0.2
        )
        for _ in range(2):
            with pytest.raises(NodeSilent, match="does not answer evm_mine"):
                line.request("evm_mine", [])
        silent.settimeout(5)
        silent.accept()[0].close()
        silent.settimeout(0)
        with pytest.raises(BlockingIOError):
            silent.accept()


def test_last_lines_of_a_node_are_kept() -> None:
    printed = b"".join(b"line %d\n" % number for number in range(100))
    reading, writing = os.pipe()
    with open(reading, "rb") as stdout, open(writing, "wb") as node:
        node.write(printed)
        output = NodeOutput(SimpleNamespace(stdout=stdout, stderr=None))
    deadline = time.monotonic() + 20
    while not output.last_lines().endswith("line 99"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert output.last_lines().startswith("line 70\n")
