"""The committed build of the contracts is used only when it fits the sources and is undamaged.

The last test compiles everything once, which takes a minute: it proves that the committed build
is what the pinned compiler makes.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.devnet import brownie
from scripts.devnet.compiled import (
    ARCHIVE,
    FOLDER,
    MANIFEST,
    REFRESH,
    Build,
    inputs_digest,
    is_current,
    prepare_build,
    read_archive,
    write_archive,
)
from scripts.devnet.paths import ROOT
from scripts.export_contracts import copy_project
from scripts.solc import COPIED, compile_sources
from scripts.verified_build import BuildDiffers, compare_builds

DEPLOYED = ("Results", "Settling", "Sportsbook", "Bankroll")
FILES: Build = {
    "contracts/Bankroll.json": {
        "sourcePath": "contracts/Bankroll.sol",
        "bytecode": "6001",
        "deployedBytecode": "6002",
    },
    "interfaces/IBankroll.json": {"abi": []},
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A clone with a small committed build of its sources, which was not built yet."""
    copied = copy_project(tmp_path / "project")
    write_archive(copied, FILES, inputs_digest(copied))
    return copied


def built(project: Path) -> dict[str, str]:
    """The text of the build files by their path."""
    build = project / "build"
    files = [*build.glob("contracts/*.json"), *build.glob("interfaces/*.json")]
    return {str(file.relative_to(build)): file.read_text() for file in files}


def test_committed_build_is_of_these_sources() -> None:
    assert is_current(ROOT, inputs_digest(ROOT)), f"run {REFRESH}"


def test_build_is_restored_with_the_sources(project: Path) -> None:
    prepare_build(project)
    restored = {path: json.loads(text) for path, text in built(project).items()}
    assert set(restored) == set(FILES)
    for path, content in restored.items():
        source = project / "contracts" / path.replace("contracts/", "").replace(".json", ".sol")
        assert content == {**FILES[path], "ast": {}, "source": source.read_text()}


def test_brownie_compiles_nothing_after_a_restore(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    (project / FOLDER).mkdir()
    for name in (ARCHIVE, MANIFEST):
        (project / name).write_bytes((ROOT / name).read_bytes())
    prepare_build(project)
    before = built(project)
    assert set(before) == set(read_archive(project)), f"run {REFRESH}"
    log = tmp_path / "brownie.log"
    assert brownie.run(["compile"], cwd=project, home=tmp_path / "home", log=log) == 0
    assert "Compiling" not in log.read_text()
    assert built(project) == before


def add_a_blank(project: Path) -> None:
    with (project / "contracts" / "Bankroll.sol").open("a") as source:
        source.write(" ")


def add_a_source(project: Path) -> None:
    (project / "contracts" / "Added.sol").write_text("pragma solidity 0.8.30;\n")


def change_a_setting(project: Path) -> None:
    config = project / "brownie-config.yaml"
    config.write_text(config.read_text().replace("runs: 1500", "runs: 1501"))


def change_the_library(project: Path) -> None:
    lock = project / "package-lock.json"
    content = json.loads(lock.read_text())
    content["packages"]["node_modules/@openzeppelin/contracts"]["version"] = "5.4.1"
    lock.write_text(json.dumps(content))


CHANGES = (add_a_blank, add_a_source, change_a_setting, change_the_library)


@pytest.mark.parametrize("change", CHANGES)
def test_stale_build_is_not_restored(project: Path, change: Callable[[Path], None]) -> None:
    change(project)
    prepare_build(project)
    assert built(project) == {}


@pytest.mark.parametrize("change", CHANGES)
def test_build_in_use_is_emptied_when_an_input_changes(
    project: Path, change: Callable[[Path], None]
) -> None:
    prepare_build(project)
    assert built(project)
    change(project)
    prepare_build(project)
    assert built(project) == {}


def test_build_returns_when_a_change_is_undone(project: Path) -> None:
    source = project / "contracts" / "Bankroll.sol"
    original = source.read_text()
    add_a_blank(project)
    prepare_build(project)
    source.write_text(original)
    prepare_build(project)
    assert set(built(project)) == set(FILES)


def flip_a_byte(project: Path) -> None:
    packed = bytearray((project / ARCHIVE).read_bytes())
    packed[len(packed) // 2] ^= 1
    (project / ARCHIVE).write_bytes(packed)


def cut_short(project: Path) -> None:
    packed = (project / ARCHIVE).read_bytes()
    (project / ARCHIVE).write_bytes(packed[: len(packed) // 2])


def remove(project: Path) -> None:
    (project / ARCHIVE).unlink()


def change_a_bytecode(project: Path) -> None:
    """An archive that unpacks, with a contract that nobody compiled."""
    files = json.loads(lzma.decompress((project / ARCHIVE).read_bytes()))
    files["contracts/Bankroll.json"]["bytecode"] = "00"
    (project / ARCHIVE).write_bytes(lzma.compress(json.dumps(files).encode()))


@pytest.mark.parametrize("damage", [flip_a_byte, cut_short, remove, change_a_bytecode])
def test_damaged_archive_is_reported_and_not_used(
    project: Path, damage: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    damage(project)
    prepare_build(project)
    assert built(project) == {}
    said = capsys.readouterr().err
    assert str(ARCHIVE) in said
    assert "compiling the contracts instead" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_unreadable_manifest_counts_as_stale(project: Path, text: str) -> None:
    (project / MANIFEST).write_text(text)
    prepare_build(project)
    assert built(project) == {}


def test_interrupted_restore_is_done_again(project: Path) -> None:
    prepare_build(project)
    whole = built(project)
    (project / "build" / "sources.sha256").unlink()
    (project / "build" / "contracts" / "Bankroll.json").write_text('{"abi": [')
    (project / "build" / "interfaces" / "IBankroll.json").unlink()
    prepare_build(project)
    assert built(project) == whole


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_pinned_compiler_makes_the_committed_build() -> None:
    committed = read_archive(ROOT)
    compiled = compile_sources({"*": ["*"]}, COPIED)
    made = {path: content for path, content in committed.items() if "sourcePath" in content}
    for path, content in made.items():
        fresh = compiled[content["sourcePath"]][content["contractName"]]
        for key, value in fresh.items():
            assert content[key] == value, f"{path}: {key} differs; run {REFRESH}"
    # Of an interface that is no contract's parent, Brownie keeps the ABI alone.
    for path in set(committed) - set(made):
        name = committed[path]["contractName"]
        fresh = compiled[f"contracts/interfaces/{name}.sol"][name]
        assert committed[path]["abi"] == fresh["abi"], f"{path} differs; run {REFRESH}"
    ours = {name for file in compiled if file.startswith("contracts/") for name in compiled[file]}
    assert ours <= {content["contractName"] for content in committed.values()}
    # A deployment to a live network compares in the same way.
    used = {name: committed[f"contracts/{name}.json"] for name in DEPLOYED}
    compare_builds(used, compiled)
    for code in ("bytecode", "deployedBytecode"):
        forged = used["Settling"] | {code: used["Settling"][code].replace("60", "61", 1)}
        with pytest.raises(BuildDiffers, match="the compiled Settling do not match the sources"):
            compare_builds(used | {"Settling": forged}, compiled)
