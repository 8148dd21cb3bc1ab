"""Restores the committed build of the contracts, so that a clone need not compile them.

`contracts/compiled` holds what Brownie's compiler wrote, and a digest of everything it was made
from. The build is used only when the digest matches the current files; otherwise the build folder
is emptied and Brownie compiles. `python -m scripts.export_contracts` writes the folder.

The digest finds a stale or damaged build, not a forged one. `tests/devnet/test_compiled.py`
compiles the sources and compares, and so does a live deployment (`scripts/verified_build.py`).
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import lzma
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path("contracts", "compiled")
ARCHIVE = FOLDER / "build.json.xz"
MANIFEST = FOLDER / "manifest.json"
REFRESH = "python -m scripts.export_contracts"

_FOLDERS = ("contracts", "interfaces")
_FILE_NAME = re.compile(r"(contracts|interfaces)/\w+\.json")
# What the compiler's output depends on besides the sources and brownie-config.yaml.
_PACKAGES = ("node_modules/solc", "node_modules/@openzeppelin/contracts")

# The build files by their path below build/, as Brownie reads them.
Build = dict[str, dict[str, Any]]


class ArchiveInvalid(Exception):
    """Why the committed build cannot be read."""


def inputs_digest(project: Path) -> str:
    """Hash of the sources, the compiler settings, and the versions of compiler and library."""
    digest = hashlib.sha256()
    for file in [project / "brownie-config.yaml", *sorted((project / "contracts").rglob("*.sol"))]:
        digest.update(str(file.relative_to(project)).encode() + b"\0" + file.read_bytes() + b"\0")
    lock = project / "package-lock.json"
    packages = json.loads(lock.read_text())["packages"] if lock.exists() else {}
    for name in _PACKAGES:
        entry = packages.get(name, {})
        versions = f"{entry.get('version')} {entry.get('integrity')} {_installed(project / name)}"
        digest.update(f"{name} {versions}\0".encode())
    return digest.hexdigest()


def _installed(package: Path) -> str:
    """The version of a package that is installed, which may not be the one of the lock file."""
    try:
        return str(json.loads((package / "package.json").read_text())["version"])
    except (OSError, ValueError, KeyError):
        return "none"


def prepare_build(project: Path) -> None:
    """Makes the build folder match the sources: keeps it, restores it, or empties it.

    Brownie looks at a contract's own imports and bases, not at what those import: it would keep old
    bytecode after a change two files away.
    """
    build = project / "build"
    build.mkdir(exist_ok=True)
    with _locked(build / "prepare.lock"):
        wanted = inputs_digest(project)
        stamp = build / "sources.sha256"
        if stamp.exists() and stamp.read_text() == wanted:
            return
        stamp.unlink(missing_ok=True)
        for name in _FOLDERS:
            shutil.rmtree(build / name, ignore_errors=True)
            (build / name).mkdir()
        try:
            files = read_archive(project) if is_current(project, wanted) else {}
        except ArchiveInvalid as error:
            print(f"{error}; compiling the contracts instead.", file=sys.stderr)
            files = {}
        for path, content in files.items():
            (build / path).write_text(json.dumps(content))
        stamp.write_text(wanted)


def is_current(project: Path, digest: str) -> bool:
    """Whether the committed build was made from the files that have this digest."""
    manifest = _manifest(project)
    return manifest is not None and manifest.get("inputs") == digest


def read_archive(project: Path) -> Build:
    """The committed build files. Raises ArchiveInvalid when they are damaged."""
    manifest = _manifest(project) or {}
    try:
        packed = (project / ARCHIVE).read_bytes()
        if hashlib.sha256(packed).hexdigest() != manifest.get("archive"):
            raise ArchiveInvalid(f"{ARCHIVE} is damaged (its digest differs from {MANIFEST})")
        files: Build = json.loads(lzma.decompress(packed))
        for path, content in files.items():
            if not _FILE_NAME.fullmatch(path):
                raise ArchiveInvalid(f"{ARCHIVE} has an entry with the name {path}")
            content["ast"] = {}
            content["source"] = (project / _source_path(path, content)).read_text()
            made_from = hashlib.sha1(content["source"].encode(), usedforsecurity=False).hexdigest()
            if content.get("sha1", made_from) != made_from:
                raise ArchiveInvalid(f"{path} in {ARCHIVE} was built from another source")
    except (OSError, ValueError, TypeError, AttributeError, lzma.LZMAError) as error:
        raise ArchiveInvalid(f"{ARCHIVE} cannot be read ({error})") from error
    return files


def read_build(project: Path) -> Build:
    """The build files that Brownie wrote, without what the archive leaves out: the syntax trees,
    which are half of it and are not used here, and the sources, which the clone has."""
    files: Build = {}
    for name in _FOLDERS:
        for file in sorted((project / "build" / name).glob("*.json")):
            content = json.loads(file.read_text())
            path = f"{name}/{file.name}"
            source = (project / _source_path(path, content)).read_text()
            if content.pop("source") != source:
                raise ArchiveInvalid(f"{path} was not built from this source")
            del content["ast"]
            files[path] = content
    return files


def write_archive(project: Path, files: Build, digest: str) -> None:
    """Writes `files` as the committed build of the inputs that have this digest."""
    text = json.dumps(files, sort_keys=True, separators=(",", ":"))
    packed = lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME)
    contracts = {
        path.removeprefix("contracts/").removesuffix(".json"): {
            "bytes": len(content["deployedBytecode"]) // 2,
            "sha256": hashlib.sha256(bytes.fromhex(content["deployedBytecode"])).hexdigest(),
        }
        for path, content in sorted(files.items())
        if content.get("deployedBytecode") and _is_ours(content)
    }
    manifest = {
        "inputs": digest,
        "archive": hashlib.sha256(packed).hexdigest(),
        "contracts": contracts,
    }
    (project / FOLDER).mkdir(exist_ok=True)
    (project / ARCHIVE).write_bytes(packed)
    (project / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")


def _manifest(project: Path) -> dict[str, Any] | None:
    try:
        manifest = json.loads((project / MANIFEST).read_text())
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) else None


def _is_ours(content: dict[str, Any]) -> bool:
    return not content["sourcePath"].startswith("node_modules")


def _source_path(path: str, content: dict[str, Any]) -> str:
    """The path of a build file's source; build files of interfaces do not have it."""
    return str(content.get("sourcePath") or f"contracts/interfaces/{Path(path).stem}.sol")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Lets one process at a time prepare a folder."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
