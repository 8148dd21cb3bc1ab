"""Compiles the contracts again and compares, before a build is deployed where money is real.

Brownie keeps bytecode whose sources changed two imports away, and a committed or edited build could
hold anything. What is deployed must be what the sources compile to.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.devnet.compiled import ArchiveInvalid, Build
from scripts.devnet.errors import DevnetError
from scripts.export_contracts import compile_afresh

_CODE = ("bytecode", "deployedBytecode")


class BuildDiffers(Exception):
    """Why the compiled contracts must not be deployed, and what to do."""


def check_build(used: Mapping[str, Mapping[str, Any]]) -> None:
    """Compiles the sources, which takes two minutes, and compares the builds in use, by name.

    Raises BuildDiffers.
    """
    print("Compiling the contracts again to check what is deployed; this takes two minutes.")
    with tempfile.TemporaryDirectory(prefix="fairline-") as folder:
        log = Path(folder) / "brownie.log"
        try:
            fresh = compile_afresh(Path(folder) / "project", log)
        except (DevnetError, ArchiveInvalid) as error:
            raise BuildDiffers(
                f"the contracts could not be compiled for the check: {error}"
            ) from None
    compare_builds(used, fresh)
    print("The compiled contracts match their sources.")


def compare_builds(used: Mapping[str, Mapping[str, Any]], fresh: Build) -> None:
    """Raises BuildDiffers when the bytecode in use is not that of a fresh build."""
    differing = [
        name
        for name, build in used.items()
        if any(build[code] != fresh[f"contracts/{name}.json"][code] for code in _CODE)
    ]
    if differing:
        raise BuildDiffers(
            f"the compiled {', '.join(differing)} do not match the sources: remove the folder"
            " build/contracts and run this again."
        )
