"""Writes the committed ABIs and compiled contracts, so that others need not compile.

`python -m scripts.export_contracts` compiles into a folder of its own and writes contracts/abi and
contracts/compiled. Run it after every change of a contract, of brownie-config.yaml, or of the
compiler's or OpenZeppelin's version; tests fail until then.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from scripts import abi_files
from scripts.command_help import no_arguments
from scripts.devnet import brownie
from scripts.devnet.compiled import (
    ARCHIVE,
    FOLDER,
    Build,
    inputs_digest,
    read_build,
    write_archive,
)
from scripts.devnet.errors import DevnetError
from scripts.devnet.paths import ROOT

_COPIED = ("brownie-config.yaml", "package-lock.json")


def copy_project(folder: Path) -> Path:
    """A copy of what Brownie compiles, without the committed build, in a new folder."""
    # Brownie wants the parent of its tests' folder.
    (folder / "tests").mkdir(parents=True)
    for name in _COPIED:
        shutil.copy(ROOT / name, folder)
    left_out = shutil.ignore_patterns(FOLDER.name, "deployments")
    shutil.copytree(ROOT / "contracts", folder / "contracts", ignore=left_out)
    (folder / "node_modules").symlink_to(ROOT / "node_modules")
    return folder


def compile_afresh(folder: Path, log: Path | None = None) -> Build:
    """Compiles the contracts in `folder`, which must not exist yet; takes two minutes.

    Raises DevnetError when Brownie fails.
    """
    project = copy_project(folder)
    # On its second run Brownie removes the build files of the first that it has no use for.
    for _ in range(2):
        if brownie.run(["compile"], cwd=project, log=log) != 0:
            raise DevnetError("The contracts do not compile: Brownie's last lines say why.")
    return read_build(project)


def main() -> int:
    """Exit code 0, or 2 when the contracts do not compile."""
    try:
        with tempfile.TemporaryDirectory(prefix="fairline-") as folder:
            project = Path(folder) / "project"
            files = compile_afresh(project)
            compiled = inputs_digest(project)
        if inputs_digest(ROOT) != compiled:
            raise DevnetError("The sources changed during compilation: run this again.")
        abi_files.export()
        write_archive(ROOT, files, compiled)
    except DevnetError as error:
        print(f"export_contracts: {error}", file=sys.stderr)
        return 2
    size_kib = (ROOT / ARCHIVE).stat().st_size // 1024
    print(f"Wrote contracts/abi and {FOLDER} ({len(files)} build files, {size_kib} KiB).")
    return 0


if __name__ == "__main__":
    no_arguments("python -m scripts.export_contracts", __doc__)
    sys.exit(main())
