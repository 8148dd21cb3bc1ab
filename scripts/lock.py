"""Chooses new versions for pyproject.toml and package.json, and locks them.

The lock files name no registry, so that every machine can use its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from scripts.command_help import no_arguments

ROOT = Path(__file__).resolve().parent.parent
# A lock file, what it is made of, and the groups of pyproject.toml in it.
LOCKS = (
    ("requirements.lock", ("pyproject.toml",), ("bench", "chain", "devnet", "dev")),
    ("requirements-fuzz.lock", (), ("fuzz",)),
)


def main() -> int:
    env = {name: value for name, value in os.environ.items() if name != "PIP_FIND_LINKS"}
    env |= {"UV_PYTHON_DOWNLOADS": "never"}
    uv = ROOT / ".devnet" / "tools" / "bin" / "uv"
    argv = [str(uv), "pip", "compile", "--upgrade", "--universal", "--quiet"]
    argv += ["--generate-hashes", "--no-emit-index-url", "--no-emit-find-links", "--no-header"]
    for lock, sources, groups in LOCKS:
        named = [word for group in groups for word in ("--group", f"pyproject.toml:{group}")]
        subprocess.run([*argv, *sources, *named, "-o", lock], cwd=ROOT, env=env, check=True)
    (ROOT / "package-lock.json").unlink(missing_ok=True)
    # npm does not look at node_modules here, so that the lock has the packages of every platform.
    npm = ["npm", "install", "--package-lock-only", "--ignore-scripts"]
    subprocess.run(npm, cwd=ROOT, check=True)
    subprocess.run([sys.executable, "scripts/complete_npm_lock.py"], cwd=ROOT, check=True)
    return 0


if __name__ == "__main__":
    no_arguments("python -m scripts.lock", __doc__)
    sys.exit(main())
