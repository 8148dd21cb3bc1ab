"""A test that hangs ends with its name and its stacks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONFTEST = """
from tests.conftest import pytest_configure, pytest_runtest_protocol
from tests.support import hanging

hanging.GRACE_S = 1
"""
# Like a client that loses the cancellation: the loop waits for it again while it closes.
TEST = """
import asyncio
import pytest

async def deaf():
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass

@pytest.fixture
async def client():
    yield
    await deaf()

def test_before(): pass

async def test_that_hangs(client): pass
"""


def test_hanging_teardown_of_an_async_fixture_ends(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_it.py").write_text(TEST)
    options = ["-p", "no:pytest-brownie", "-o", "timeout=1", "-o", "asyncio_mode=auto"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--rootdir", tmp_path, tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert "FAILED test_it.py::test_that_hangs - hung: ended after 2 s" in done.stderr
    assert "await deaf()" in done.stderr, done.stderr
    assert "most recent call first" in done.stderr
