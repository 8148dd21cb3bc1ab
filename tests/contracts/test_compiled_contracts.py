"""The compiled contracts: the committed ABI is theirs, and each fits the size limit."""

from brownie import project

from scripts import abi_files


def test_committed_abi_is_what_the_sources_compile_to():
    assert abi_files.stale() == [], "run python -m scripts.export_contracts"


def test_contracts_fit_the_size_limit():
    loaded = project.get_loaded_projects()[0]
    names = ("Sportsbook", "Settling", "SelfService", "Administration", "Results", "Bankroll")
    for name in names:
        assert len(loaded[name]._build["deployedBytecode"]) // 2 <= 24_576
