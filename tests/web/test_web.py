"""The app's own tests of logic, which run in Node without a browser."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize("script", sorted(HERE.glob("*.test.mjs")), ids=lambda path: path.stem)
def test_logic(script: Path) -> None:
    done = subprocess.run(
        ["node", "--import", str(HERE / "typescript.mjs"), "--test", str(script)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
