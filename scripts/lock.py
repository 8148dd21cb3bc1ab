"""Chooses new versions for pyproject.toml and package.json, and locks them.

The lock files name no registry, so that every machine can use its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GROUPS = ("bench", "chain", "devnet", "dev")


def main() -> int:
    env = {name: value for name, value in os.environ.items() if name != "PIP_FIND_LINKS"}
    env |= {"UV_PYTHON_DOWNLOADS": "never"}
    uv = ROOT / ".devnet" / "tools" / "bin" / "uv"
    argv = [str(uv), "pip", "compile", "pyproject.toml", "--upgrade", "--universal", "--quiet"]
    for group in GROUPS:
        argv += ["--group", f"pyproject.toml:{group}"]
    argv += ["--generate-hashes", "--no-emit-index-url", "--no-emit-find-links", "--no-header"]
    subprocess.run([*argv, "-o", "requirements.lock"], cwd=ROOT, env=env, check=True)
    (ROOT / "package-lock.json").unlink(missing_ok=True)
    # npm does not look at node_modules here, so that the lock has the packages of every platform.
    npm = ["npm", "install", "--package-lock-only", "--ignore-scripts"]
    subprocess.run(npm, cwd=ROOT, check=True)
    subprocess.run([sys.executable, "scripts/complete_npm_lock.py"], cwd=ROOT, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
