"""The deploy script, run in this process, and the files that it leaves.

deploy
├── deploys contracts that work, gives the roles out, writes the file in one move
├── on a chain that Brownie started and will stop: replaces no file of another
├── given a second run: sends nothing, keeps the file
├── given a run cut short before or after any of its transactions: goes on, doubles nothing
├── given the file of a chain that was wiped, or other parameters: deploys again on a local chain,
│   and sets the file aside; refuses on another chain
├── given the file of a wiped chain and a run cut short on the next one: goes on, skips nothing
├── given another owner: offers ownership, keeps working
├── given a token: uses it, records its decimals, refuses an address without code and a token that
│   cannot be counted
├── given a file that is none: refuses it
├── shows no deployer's key, and asks before it spends on a public chain or a live network
├── refuses a network of Brownie's that is configured for another chain than its node's
└── ends with a code of its own for a deployment that was changed
"""

import json
import os
import re
from dataclasses import replace
from types import SimpleNamespace

import pytest
from brownie import Results, ScaledToken, Sportsbook, accounts, web3

from protocol.roles import Role
from scripts import deploy as script
from scripts.deploy import DeploymentChanged
from scripts.deployment_check import genesis_hash
from scripts.deployment_record import Record, RecordInvalid, default_path, progress_path
from scripts.deployment_steps import DeploymentRefused
from scripts.devnet.chain import CHAIN_ID
from tests.contracts.deploying import TRANSACTIONS, Cut, cut, deploy, sent, settings

ELSEWHERE = "0x" + "1" * 64


@pytest.fixture
def path(tmp_path):
    return tmp_path / f"{CHAIN_ID}.json"


def test_deploy_makes_contracts_that_work(path):
    before = sent()
    record = deploy(path)
    assert sent() == before + TRANSACTIONS
    held = json.loads(path.read_text())
    assert held["chain_id"] == CHAIN_ID
    assert set(held["contracts"]) == {
        *("Token", "Results", "Settling", "SelfService", "Administration"),
        *("Sportsbook", "Bankroll"),
    }
    assert held["parameters"]["receipt_window_s"] == 600
    assert not progress_path(path).exists()
    assert list(path.parent.iterdir()) == [path]
    book = Sportsbook.at(record.contracts["Sportsbook"], persist=False)
    asked = settings()
    assert book.BANKROLL() == record.contracts["Bankroll"]
    for address, role, budget in (
        (asked.operator, Role.OPERATOR, asked.batch_budget_micro),
        (asked.receipt_signer, Role.RECEIPTS, asked.receipt_budget_micro),
        (asked.cash_out_signer, Role.CASH_OUTS, asked.cash_out_budget_micro),
        (asked.withdrawal_signer, Role.WITHDRAWALS, 0),
    ):
        found_role, from_s, until_s, found_budget, left = book.keyOf(address)
        assert (found_role, found_budget, left) == (role, budget, budget)
        assert (from_s <= web3.eth.get_block("latest")["timestamp"], until_s) == (True, 2**40 - 1)
    assert book.guardian() == asked.guardian
    assert book.house() == asked.bankroll_micro
    assert book.SETTLING() == record.contracts["Settling"]
    assert book.SELF_SERVICE() == record.contracts["SelfService"]
    assert book.ADMINISTRATION() == record.contracts["Administration"]
    assert book.limits() == asked.limits
    results = Results.at(record.contracts["Results"], persist=False)
    assert results.sportsbook() == book
    assert results.councilOf(1) == (2, asked.arbiter)
    assert all(results.isResultSigner(1, signer) for signer in asked.result_signers)


def test_dry_run_on_a_chain_that_ends_with_brownie_replaces_no_file(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(script, "STATE", tmp_path)
    assert script.usual_path(CHAIN_ID) == tmp_path / "dry-run" / f"{CHAIN_ID}.json"
    assert "This is a dry run" in capsys.readouterr().out
    monkeypatch.setattr(script, "rpc", SimpleNamespace(is_child=lambda: False))
    assert script.usual_path(CHAIN_ID) == default_path(CHAIN_ID)
    assert capsys.readouterr().out == ""


def test_deploy_twice_sends_nothing(path):
    deploy(path)
    held, before = path.read_bytes(), sent()
    deploy(path)
    assert sent() == before
    assert path.read_bytes() == held


@pytest.mark.parametrize(
    ("number", "after"),
    [
        (0, False),
        (2, False),
        (10, False),
        (0, True),
        (1, True),
        (2, True),
        (3, True),
        (5, True),
        (7, True),
        (10, True),
    ],
)
def test_deploy_resumes_after_an_interruption(path, monkeypatch, number, after):
    before = sent()
    with cut(monkeypatch, number, after), pytest.raises(Cut):
        deploy(path)
    assert not path.exists()
    record = deploy(path)
    assert sent() == before + TRANSACTIONS
    assert Record.read(path) == record


def test_deploy_sets_file_of_a_wiped_chain_aside(path, capsys):
    record = deploy(path)
    lost = replace(record, contracts=dict.fromkeys(record.contracts, "0x" + "9" * 40))
    lost.write(path)
    assert deploy(path).contracts != lost.contracts
    assert Record.read(path) != lost
    aside = path.with_name(f"{CHAIN_ID}.{record.genesis_hash[2:10]}-99999999.json")
    assert Record.read(aside) == lost
    assert str(aside) in capsys.readouterr().out


@pytest.mark.parametrize("genesis", [ELSEWHERE, None])
def test_deploy_finishes_a_run_cut_short_beside_the_file_of_a_wiped_chain(
    path, monkeypatch, genesis
):
    """The new contracts are at the addresses of the old ones, so that their code is found there.
    Where both chains began at the same second, even the genesis hash is the same."""
    with cut(monkeypatch, TRANSACTIONS - 1), pytest.raises(Cut):
        deploy(path)
    begun = Record.read(progress_path(path))
    book = Sportsbook.at(begun.contracts["Sportsbook"], persist=False)
    assert book.house() == 0
    contracts = begun.contracts | {"Bankroll": book.BANKROLL()}
    old = replace(begun, contracts=contracts, genesis_hash=genesis or begun.genesis_hash)
    old.write(path)
    before = sent()
    assert deploy(path).genesis_hash == genesis_hash()
    assert sent() == before + 1
    assert book.house() == settings().bankroll_micro
    kept = [file for file in path.parent.iterdir() if file != path]
    assert [Record.read(file) for file in kept] == ([old] if genesis else [])


def test_deploy_refuses_the_file_of_another_chain_where_money_is_real(path, monkeypatch):
    elsewhere = replace(deploy(path), genesis_hash=ELSEWHERE)
    monkeypatch.setattr(script, "is_local", lambda _: False)
    elsewhere.write(path)
    held, before = path.read_bytes(), sent()
    with pytest.raises(DeploymentRefused, match=f"genesis hash {ELSEWHERE}"):
        deploy(path)
    path.rename(progress_path(path))
    with pytest.raises(DeploymentRefused, match="genesis_hash"):
        deploy(path)
    assert (progress_path(path).read_bytes(), sent()) == (held, before)


def test_deploy_starts_over_after_progress_on_a_wiped_chain(path):
    lost = Record(CHAIN_ID, genesis_hash(), 10**9, accounts[0].address, settings().parameters())
    lost.contracts["Token"] = "0x" + "9" * 40
    lost.write(progress_path(path))
    assert deploy(path).first_block <= web3.eth.block_number


def test_deploy_starts_over_for_other_parameters(path):
    first = deploy(path)
    second = deploy(path, RECEIPT_WINDOW_S="300")
    assert first.contracts["Sportsbook"] != second.contracts["Sportsbook"]
    assert second.parameters["receipt_window_s"] == 300


def test_deploy_offers_ownership(path):
    record = deploy(path, OWNER=accounts[5].address)
    book = Sportsbook.at(record.contracts["Sportsbook"], persist=False)
    assert (book.owner(), book.pendingOwner()) == (accounts[0], accounts[5])
    before = sent()
    deploy(path, OWNER=accounts[5].address)
    book.acceptOwnership({"from": accounts[5]})
    deploy(path, OWNER=accounts[5].address)
    assert sent() == before


def test_main_has_an_exit_code_for_a_changed_deployment(monkeypatch, capsys):
    def changed(*_):
        raise DeploymentChanged("the guardian is another")

    monkeypatch.setattr(script, "deploy", changed)
    with pytest.raises(SystemExit) as ended:
        script.main()
    assert ended.value.code == script.CHANGED
    assert capsys.readouterr().err == "deploy: the guardian is another\n"


def test_deploy_uses_a_given_token(path, world):
    record = deploy(path, TOKEN=world.token.address)
    assert record.contracts["Token"] == world.token.address
    assert record.parameters["bankroll_micro"] == 0
    with pytest.raises(DeploymentRefused, match="has no code"):
        deploy(path.with_name("other.json"), TOKEN="0x" + "9" * 40)


def test_deploy_records_the_decimals_of_the_token(path, world, capsys):
    token = ScaledToken.deploy(2, {"from": world.owner}).address
    record = deploy(path, TOKEN=token)
    assert record.token_decimals == 2
    assert json.loads(path.read_text())["token_decimals"] == 2
    assert re.search(r"^  token decimals +2$", capsys.readouterr().out, re.MULTILINE)
    before = sent()
    assert deploy(path, TOKEN=token) == record
    assert sent() == before


def test_deploy_refuses_a_token_that_cannot_be_counted(path, world):
    by = {"from": world.owner}
    before = sent() + 2
    fine, crude = ScaledToken.deploy(19, by).address, ScaledToken.deploy(2, by).address
    with pytest.raises(DeploymentRefused, match="has 19 decimals"):
        deploy(path, TOKEN=fine)
    with pytest.raises(DeploymentRefused, match="does not say"):
        deploy(path, TOKEN=world.harness.address)
    with pytest.raises(DeploymentRefused, match=r"DISPUTE_BOND_MICRO=5 .* multiple of 10000"):
        deploy(path, TOKEN=crude, DISPUTE_BOND_MICRO="5")
    assert sent() == before


def test_deploy_refuses_an_invalid_file(path):
    path.write_text("{")
    with pytest.raises(RecordInvalid, match="is not a deployment file"):
        deploy(path)


def test_deployer_key_is_never_shown(monkeypatch):
    monkeypatch.setattr(os, "environ", {"DEPLOYER_KEY": "0x123secret"})
    with pytest.raises(DeploymentRefused) as refused:
        script.deployer_account(CHAIN_ID)
    assert "secret" not in str(refused.value)
    monkeypatch.setattr(os, "environ", {})
    with pytest.raises(DeploymentRefused, match="set DEPLOYER_ACCOUNT"):
        script.deployer_account(1)


def test_network_of_another_chain_than_its_nodes_is_refused(monkeypatch):
    script.check_chain_id(CHAIN_ID)
    before = sent()
    monkeypatch.setitem(script.CONFIG.active_network, "chainid", 4242)
    monkeypatch.setenv("YES", "1")
    with pytest.raises(SystemExit, match=f"chainid=4242, and its node serves chain {CHAIN_ID}"):
        script.main()
    assert sent() == before


def test_confirm_asks_on_a_public_chain(monkeypatch):
    monkeypatch.delenv("YES", raising=False)
    script.confirm(CHAIN_ID)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(DeploymentRefused, match="set YES=1"):
        script.confirm(1)
    with monkeypatch.context() as live:
        live.delitem(script.CONFIG.active_network, "cmd")
        with pytest.raises(DeploymentRefused, match="set YES=1"):
            script.confirm(CHAIN_ID)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: "y")
    with pytest.raises(DeploymentRefused, match="not confirmed"):
        script.confirm(1)
    monkeypatch.setattr("builtins.input", lambda _: "yes")
    script.confirm(1)
    monkeypatch.setenv("YES", "1")
    script.confirm(1)
