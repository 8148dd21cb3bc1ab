"""Compiles the contracts again and compares, before a build is deployed where money is real.

Brownie keeps bytecode whose sources changed two imports away, and a committed or edited build could
hold anything. What is deployed must be what the sources compile to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scripts.devnet.errors import DevnetError
from scripts.solc import Output, compile_sources

_CODE = ("bytecode", "deployedBytecode")


class BuildDiffers(Exception):
    """Why the compiled contracts must not be deployed, and what to do."""


def check_build(used: Mapping[str, Mapping[str, Any]]) -> None:
    """Compiles the contracts in use, which takes half a minute, and compares their builds, by name.

    Raises BuildDiffers.
    """
    print("Compiling the contracts again to check what is deployed; this takes half a minute.")
    try:
        wanted = {build["sourcePath"]: [name] for name, build in used.items()}
        fresh = compile_sources(wanted, _CODE)
    except DevnetError as error:
        raise BuildDiffers(f"the contracts could not be compiled for the check: {error}") from None
    compare_builds(used, fresh)
    print("The compiled contracts match their sources.")


def compare_builds(used: Mapping[str, Mapping[str, Any]], fresh: Output) -> None:
    """Raises BuildDiffers when the bytecode in use is not what the compiler has made."""
    differing = [
        name
        for name, build in used.items()
        if any(build[code] != fresh[build["sourcePath"]][name][code] for code in _CODE)
    ]
    if differing:
        raise BuildDiffers(
            f"the compiled {', '.join(differing)} do not match the sources: remove the folder"
            " build/contracts and run this again."
        )
