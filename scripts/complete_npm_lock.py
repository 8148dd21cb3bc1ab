"""Completes package-lock.json for every platform, without choosing versions.

npm omits an optional package from the lock when the registry in use does not have it, and `npm ci`
then refuses that lock on every machine. Such a package gets an entry with its version and platform
from its parent, so that a registry that has it can serve it.
"""

import json
import sys
from pathlib import Path
from typing import Any

from scripts.command_help import no_arguments

OS = {"darwin": "darwin", "linux": "linux", "win32": "win32"}
CPU = {"amd64": "x64", "arm64": "arm64"}


def completed(lock: dict[str, Any]) -> dict[str, Any]:
    packages: dict[str, dict[str, Any]] = lock["packages"]
    for entry in list(packages.values()):
        for name, version in entry.get("optionalDependencies", {}).items():
            parts = name.split("/")[-1].rsplit("-", 2)
            if f"node_modules/{name}" in packages or len(parts) != 3:
                continue
            packages[f"node_modules/{name}"] = {
                "version": version,
                "cpu": [CPU[parts[2]]],
                "dev": True,
                "optional": True,
                "os": [OS[parts[1]]],
            }
    root = packages.pop("")
    return {**lock, "packages": {"": root, **dict(sorted(packages.items()))}}


def main() -> int:
    path = Path(__file__).resolve().parent.parent / "package-lock.json"
    path.write_text(json.dumps(completed(json.loads(path.read_text())), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    no_arguments("python -m scripts.complete_npm_lock", __doc__)
    sys.exit(main())
